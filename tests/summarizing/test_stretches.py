"""The text of sections: nothing lost, places right, running heads gone."""

from freqkv_cli.documents.page import Page
from freqkv_cli.retrieval.passage import split_passages
from freqkv_cli.summarizing.sections import SectionFinder
from freqkv_cli.summarizing.stretches import Stretch, StretchReader, is_title, join_passages

PARAGRAPH = "word " * 49 + "end.\n\n"


def read(reader: StretchReader, pages: list[Page]) -> list[Stretch]:
    stretches = [stretch for page in pages for stretch in reader.add(page)]
    last = reader.finish()
    return [*stretches, last] if last else stretches


def test_chapters_become_stretches_without_a_gap() -> None:
    text = "".join(f"CHAPTER {number}\n\n{PARAGRAPH * 4}" for number in range(1, 5))
    blocks = [Page(text[:1004], 1, 1), Page(text[1004:], 2, 1 + text[:1004].count("\n"))]
    found = read(StretchReader(0, SectionFinder(words=150)), blocks)
    assert [stretch.section.title for stretch in found] == [f"CHAPTER {number}" for number in range(1, 5)]
    assert [(one.start, one.end) for one in found] == [
        (text.index(f"CHAPTER {number}"), text.index(f"CHAPTER {number + 1}") if number < 4 else len(text))
        for number in range(1, 5)
    ]
    joined = " ".join(passage.text for stretch in found for passage in stretch.passages)
    assert joined.split() == text.split()
    lines = text.split("\n")
    for stretch in found:
        first = stretch.passages[0]
        assert first.first_line is not None
        assert lines[first.first_line - 1].startswith(first.text.split("\n")[0])


def test_running_heads_are_left_out_of_pages() -> None:
    pages = [Page(f"The Manual, Release 2\nWords of page {number}.", number, None) for number in range(1, 4)]
    found = read(StretchReader(0, SectionFinder(words=500, has_pages=True)), pages)
    texts = [passage.text for passage in found[0].passages]
    assert texts[1:] == ["Words of page 2.", "Words of page 3."]
    assert [passage.place for passage in found[0].passages] == ["p. 1", "p. 2", "p. 3"]
    assert found[0].end == sum(len(page.text) + 2 for page in pages)


def test_titles_by_their_looks() -> None:
    assert all(map(is_title, ["Chapter 3", "5.5.2 Special case: the stable suite", "DUTIES OF MAINTAINERS"]))
    assert not any(map(is_title, ["", "The frigate left.", "3 ships came."]))


def test_passages_become_the_pages_that_they_were_cut_from() -> None:
    text = "".join(f"\nCHAPTER {number}\n\n{PARAGRAPH}\n\n{PARAGRAPH}" for number in range(1, 40))
    passages = list(split_passages([Page(text, 1, 1)], words=60))
    again = [page for _, page in join_passages(passages)]
    lines = text.split("\n")
    assert "".join(page.text for page in again).split() == text.split()
    for page in again:
        assert page.first_line is not None
        for number, line in enumerate(page.text.split("\n"), page.first_line):
            assert not line or lines[number - 1].strip() == line.strip() or page.first_line == number
    cut = split_passages([Page("One. " * 99, 7, None, "Seven"), Page("Two.", 9, None)], has_pages=True, words=30)
    assert [(page.number, page.heading) for _, page in join_passages(cut)] == [(7, "Seven"), (9, None)]
