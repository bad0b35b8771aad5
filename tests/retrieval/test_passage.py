"""Passages: no word is lost, places are right, and what is held stays small."""

import random
from itertools import pairwise
from pathlib import Path

import pytest

from freqkv_cli.documents import open_document
from freqkv_cli.documents.page import Page
from freqkv_cli.location import Location
from freqkv_cli.retrieval.passage import Passage, PassageSplitter, cut, split_passages

NOVELS = ["pride_and_prejudice.txt", "sense_and_sensibility.txt", "northanger_abbey.txt"]


def texts(pages: list[Page], words: int = 150) -> list[str]:
    return [passage.text for passage in split_passages(pages, words=words)]


@pytest.mark.parametrize("name", NOVELS)
def test_the_words_of_a_novel_are_the_words_of_its_passages(data: Path, name: str) -> None:
    lines = (data / name).read_text(encoding="utf-8").splitlines()
    with open_document(str(data / name)) as document:
        passages = list(split_passages(document.pages()))
    assert "".join("".join(one.text for one in passages).split()) == "".join("".join(lines).split())
    assert [passage.index for passage in passages] == list(range(len(passages)))
    for passage in passages:
        place = passage.location
        assert place.first_line is not None
        assert place.last_line is not None
        stretch = "\n".join(lines[place.first_line - 1 : place.last_line])
        assert passage.text in stretch
        assert stretch.split()[0] in lines[place.first_line - 1]
        assert 40 < len(passage.text.split()) < 225
    pairs = pairwise(passage.location for passage in passages)
    assert all((one.last_line or 0) <= (other.first_line or 0) for one, other in pairs)


def test_a_passage_of_a_pdf_holds_its_page_and_the_rest_of_a_sentence(data: Path) -> None:
    with open_document(str(data / "developers-reference.pdf"), pages="11-60") as document:
        pages = list(document.pages())
        passages = list(split_passages(pages, document=2, first_index=7))
    expected = {page.number: page.text.split() for page in pages}
    joined: dict[int, list[str]] = {}
    for passage in passages:
        assert passage.location.page is not None
        joined.setdefault(passage.location.page, []).extend(passage.text.split())
    ran_over = 0
    for number, words in expected.items():
        own, rest = joined[number][: len(words)], joined[number][len(words) :]
        assert own == words
        assert rest == expected.get(number + 1, [])[: len(rest)]
        ran_over += bool(rest)
    assert 2 < ran_over < 45
    assert passages[0].location.page == 11
    assert [one.index for one in passages] == list(range(7, 7 + len(passages)))
    assert {one.document for one in passages} == {2}


def test_pages_that_stand_apart_are_never_joined() -> None:
    pages = [Page(f"Page {number} is short.", number, None, location=Location(page=number)) for number in (1, 2, 3)]
    assert [(one.text, one.place) for one in split_passages(pages)] == [
        (f"Page {number} is short.", f"p. {number}") for number in (1, 2, 3)
    ]


def test_a_sentence_that_a_page_ends_in_is_whole_where_it_begins() -> None:
    texts = [
        "All was paid in time.\n\nThe total cost of the breakwater was in the end twelve thousand",
        "four hundred crowns, of which the state paid a third. The rest was lent by the ferry company.",
    ]
    pages = [Page(text, number, None, location=Location(page=number)) for number, text in enumerate(texts, 1)]
    first, second = split_passages(pages)
    assert first.text == f"{texts[0]}\nfour hundred crowns, of which the state paid a third."
    assert (first.place, first.index) == ("p. 1", 0)
    assert (second.text, second.index) == (texts[1], 1)


def test_the_place_of_a_piece_of_a_page_is_its_mark() -> None:
    sentence = "One two three four five six seven eight nine ten. "
    marks = tuple((number * len(sentence), Location(label=f"at {number:02}:00")) for number in range(20))
    page = Page((sentence * 20).strip(), 1, None, marks=marks)
    passages = list(split_passages([page], words=40))
    assert len(passages) > 3
    start = 0
    for passage in passages:
        start = page.text.index(passage.text, start)
        assert passage.place == f"at {start // len(sentence):02}:00"
        start += len(passage.text)


def test_headings_are_context_and_begin_a_passage() -> None:
    body = "It rained and they were wet all day. " * 12
    text = f"CHAPTER 1\n\n{body}\n\nCHAPTER 2\n\n{body}\n\n{body}\n\n{body}\n"
    passages = list(split_passages([Page(text, 1, 1)]))
    assert [passage.heading for passage in passages if passage.text.startswith("CHAPTER")] == ["CHAPTER 1", "CHAPTER 2"]
    assert passages[-1].heading == "CHAPTER 2"
    assert not passages[-1].text.startswith("CHAPTER")
    assert all("CHAPTER 2" not in passage.text for passage in passages if passage.heading == "CHAPTER 1")


def test_headings_that_are_marked_begin_a_passage_and_sentences_stay_whole() -> None:
    body = "It rained and\nthey were wet all day. " * 40
    text = f"{body}\n\nRain\n\n{body}\n\nSun\n\n{body}"
    marks = ((text.index("Rain"), Location(heading="Rain")), (text.index("Sun"), Location(heading="Rain > Sun")))
    for page in (Page(text, 1, 1, marks=marks), Page(text, 1, None, location=Location(part=1), marks=marks)):
        passages = list(split_passages([page]))
        heads = [(one.heading, one.text.split("\n")[0]) for one in passages if not one.text.startswith("It")]
        assert heads == [("Rain", "Rain"), ("Rain > Sun", "Sun")]
        assert all(passage.text.endswith("day.") for passage in passages)


def test_a_heading_is_known_over_blocks() -> None:
    body = "It rained and they were wet all day.\n" * 40
    lines = body.count("\n")
    pages = [Page(f"CHAPTER 1\n\n{body}", 1, 1), Page(body, 2, lines + 3), Page(body, 3, 2 * lines + 3)]
    assert {passage.heading for passage in split_passages(pages)} == {"CHAPTER 1"}


def test_rows_are_kept_whole() -> None:
    rows = [f"{number}. The item of row {number} costs {number * 7} crowns, e.g. in Prague." for number in range(60)]
    text = "\n".join(rows)
    marks = ((0, Location(label="sheet Costs", unit="row")),)
    (page,) = [Page(text, 1, 2, location=Location(label="sheet Costs", unit="row"), marks=marks)]
    passages = list(split_passages([page], words=50))
    assert len(passages) > 5
    assert [row for passage in passages for row in passage.text.split("\n")] == rows
    assert passages[0].place == f"sheet Costs, rows 2-{1 + len(passages[0].text.splitlines())}"
    assert passages[-1].location.last_line == 61


def test_cuts_stand_at_paragraphs_else_sentences_and_not_after_mr() -> None:
    sentence = "Mr. Bennet and Mrs. Long went to St. James with Dr. Who today. "
    passages = texts([Page(sentence * 12, 1, None)], 30)
    assert len(passages) > 3
    assert all(text.endswith("today.") for text in passages)
    paragraphs = "\n\n".join(["one two three. four five six. seven eight nine ten"] * 8)
    assert all(text.endswith("ten") for text in texts([Page(paragraphs, 1, 1)], 20))


def test_lines_are_counted_over_blocks_and_blank_lines() -> None:
    text = "\n\nalpha beta\ngamma\n\n\ndelta epsilon\n"
    for seam in range(1, len(text)):
        first_line = 1 + text[:seam].count("\n")
        pages = [Page(text[:seam], 1, 1), Page(text[seam:], 2, first_line)]
        (passage,) = split_passages(pages)
        assert passage.text == text.strip()
        assert passage.place == "lines 3-7"


SPACELESS = ("\u6771\u4eac", "\u3002", "\u0e44\u0e17\u0e22")
WORDS = ("a", "the", "whale.", "Mr.", "3.14", "12,000", "e.g.", '"Oh!"', "x" * 70, "CHAPTER 4", *SPACELESS)
GAPS = (" ", " ", " ", " ", "  ", "\n", "\n", "\n\n", " \n \n", "\t", "")


def random_text(chance: random.Random) -> str:
    count = chance.randrange(1, 400)
    return "".join(f"{chance.choice(WORDS)}{chance.choice(GAPS)}" for _ in range(count))


@pytest.mark.parametrize("seed", range(30))
def test_of_a_random_text_nothing_is_lost_and_lines_are_right(seed: int) -> None:
    chance = random.Random(seed)
    text = random_text(chance)
    words = chance.randrange(5, 80)
    rows = chance.random() < 0.3
    assert "".join(cut(text, words, last=True, rows=rows)) == text
    seams = sorted({0, len(text), *(chance.randrange(len(text)) for _ in range(chance.randrange(6)))})
    pages = [
        Page(text[start:end], number, 1 + text[:start].count("\n"))
        for number, (start, end) in enumerate(pairwise(seams), 1)
    ]
    passages = list(split_passages(pages, words=words))
    assert "".join("".join(one.text for one in passages).split()) == "".join(text.split())
    lines = text.split("\n")
    for passage in passages:
        first, last = passage.location.first_line, passage.location.last_line
        assert first is not None
        assert last is not None
        assert passage.text in "\n".join(lines[first - 1 : last])
        assert passage.text.split("\n")[0] in lines[first - 1]
        assert passage.text.split("\n")[-1] in lines[last - 1]


def test_little_is_held_between_pages() -> None:
    splitter = PassageSplitter(words=50)
    given = [
        passage for page in range(20) for passage in splitter.add(Page("word " * 1000, page + 1, 1 if not page else 2))
    ]
    held = 20 * 1000 - sum(len(passage.text.split()) for passage in given)
    assert 0 < held < 2 * 50
    assert sum(len(passage.text.split()) for passage in splitter.finish()) == held


def test_scripts_without_spaces_and_endless_words_are_cut() -> None:
    chinese = "\u8fd9\u662f\u4e00\u4e2a\u5f88\u957f\u7684\u53e5\u5b50\u3002" * 100
    sentences = texts([Page(chinese, 1, None)])
    assert "".join(sentences) == chinese
    assert all(text.endswith("\u3002") and 110 <= len(text) <= 190 for text in sentences)
    endless = "x" * 50_000
    pieces = texts([Page(endless, 1, 1)])
    assert "".join(pieces) == endless
    assert max(map(len, pieces)) < 6_000


@pytest.mark.parametrize(
    ("location", "place"),
    [
        (Location(page=12, heading="Installation"), "p. 12"),
        (Location(page=4, page_label="iv"), "p. iv (4)"),
        (Location(first_line=300, last_line=318), "lines 300-318"),
        (Location(first_line=300, last_line=300), "line 300"),
        (Location(label="sheet Costs", unit="row", first_line=2, last_line=9), "sheet Costs, rows 2-9"),
        (Location(part=7, heading="Installation"), "Installation"),
        (Location(part=7), "part 7"),
    ],
)
def test_places(location: Location, place: str) -> None:
    passage = Passage("a", 0, 0, location)
    assert (passage.place, passage.heading) == (place, location.heading)


def test_white_space_alone_gives_no_passage() -> None:
    assert list(split_passages([Page(" \n\n ", 1, 1)])) == []
    assert list(split_passages([])) == []
