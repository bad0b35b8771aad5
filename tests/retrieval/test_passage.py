"""Passages: no word is lost, places are right, and what is held stays small."""

from itertools import pairwise
from pathlib import Path

import pytest

from freqkv_cli.documents import open_document
from freqkv_cli.documents.page import Page
from freqkv_cli.retrieval.passage import Passage, PassageSplitter, split_passages

NOVELS = ["pride_and_prejudice.txt", "sense_and_sensibility.txt", "northanger_abbey.txt"]


@pytest.mark.parametrize("name", NOVELS)
def test_the_words_of_a_novel_are_the_words_of_its_passages(data: Path, name: str) -> None:
    lines = (data / name).read_text(encoding="utf-8").splitlines()
    with open_document(str(data / name)) as document:
        passages = list(split_passages(document.pages()))
    assert " ".join(passage.text for passage in passages).split() == " ".join(lines).split()
    assert [passage.index for passage in passages] == list(range(len(passages)))
    for passage in passages:
        assert passage.first_line is not None
        assert passage.last_line is not None
        stretch = "\n".join(lines[passage.first_line - 1 : passage.last_line])
        assert passage.text in stretch
        assert stretch.split()[0] in lines[passage.first_line - 1]
        assert 75 < len(passage.text.split()) < 225
    assert all((one.last_line or 0) <= (other.first_line or 0) for one, other in pairwise(passages))


def test_a_passage_of_a_pdf_stands_on_one_page(data: Path) -> None:
    with open_document(str(data / "developers-reference.pdf"), pages="11-60") as document:
        pages = list(document.pages())
        passages = list(split_passages(pages, document=2, has_pages=document.has_pages, first_index=7))
    texts = {page.number: " ".join(page.text.split()) for page in pages}
    joined: dict[int, str] = {}
    for passage in passages:
        assert passage.page is not None
        joined[passage.page] = f"{joined.get(passage.page, '')} {passage.text}".strip()
    assert {number: " ".join(text.split()) for number, text in joined.items()} == texts
    assert passages[0].place == "p. 11"
    assert (passages[0].index, passages[0].document) == (7, 2)


def test_cuts_stand_at_paragraphs_else_sentences_and_not_after_mr() -> None:
    sentence = "Mr. Bennet and Mrs. Long went to St. James with Dr. Who today. "
    passages = list(split_passages([Page(sentence * 12, 1, None)], words=30))
    assert len(passages) > 3
    assert all(passage.text.endswith("today.") for passage in passages)
    paragraphs = "\n\n".join(["one two three. four five six. seven eight nine ten"] * 8)
    assert all(passage.text.endswith("ten") for passage in split_passages([Page(paragraphs, 1, 1)], words=20))


def test_lines_are_counted_over_blocks_and_blank_lines() -> None:
    text = "\n\nalpha beta\ngamma\n\n\ndelta epsilon\n"
    for seam in range(1, len(text)):
        first_line = 1 + text[:seam].count("\n")
        pages = [Page(text[:seam], 1, 1), Page(text[seam:], 2, first_line)]
        (passage,) = split_passages(pages)
        assert passage.text == text.strip()
        assert passage.place == "lines 3-7"


def test_little_is_held_between_pages() -> None:
    splitter = PassageSplitter(words=50)
    given = [
        passage for page in range(20) for passage in splitter.add(Page("word " * 1000, page + 1, 1 if not page else 2))
    ]
    held = 20 * 1000 - sum(len(passage.text.split()) for passage in given)
    assert 0 < held < 2 * 50
    assert sum(len(passage.text.split()) for passage in splitter.finish()) == held


def test_scripts_without_spaces_and_endless_words_are_cut() -> None:
    chinese = "这是一个很长的句子。" * 100
    sentences = [passage.text for passage in split_passages([Page(chinese, 1, None)])]
    assert "".join(sentences) == chinese
    assert all(text.endswith("。") and 110 <= len(text) <= 190 for text in sentences)
    endless = "x" * 50_000
    pieces = [passage.text for passage in split_passages([Page(endless, 1, 1)])]
    assert "".join(pieces) == endless
    assert max(map(len, pieces)) < 6_000


@pytest.mark.parametrize(
    ("passage", "place"),
    [
        (Passage("a", 0, 0, page=12, heading="Installation"), "p. 12"),
        (Passage("a", 0, 0, first_line=300, last_line=318), "lines 300-318"),
        (Passage("a", 0, 0, first_line=300, last_line=300), "line 300"),
        (Passage("a", 0, 0, part=7, heading="Installation"), "Installation"),
        (Passage("a", 0, 0, part=7), "part 7"),
    ],
)
def test_places(passage: Passage, place: str) -> None:
    assert passage.place == place


def test_white_space_alone_gives_no_passage() -> None:
    assert list(split_passages([Page(" \n\n ", 1, 1)])) == []
    assert list(split_passages([])) == []
