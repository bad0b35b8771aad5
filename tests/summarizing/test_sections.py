"""Sections: chapters where there are any, equal stretches elsewhere, and every word in one of them."""

from itertools import pairwise
from pathlib import Path

import pytest

from freqkv_cli.documents import open_document
from freqkv_cli.documents.page import Page
from freqkv_cli.retrieval.question import search_words
from freqkv_cli.summarizing.sections import Section, SectionFinder

PARAGRAPH = "word " * 49 + "end.\n\n"


def divide(finder: SectionFinder, pages: list[Page]) -> list[Section]:
    sections = [section for page in pages for _, section in finder.add(page)]
    last = finder.finish()
    return [*sections, last] if last else sections


def chapters(sizes: list[int]) -> str:
    return "".join(f"CHAPTER {number}\n\n{PARAGRAPH * size}" for number, size in enumerate(sizes, 1))


def test_a_section_is_a_chapter() -> None:
    text = f"A BOOK\n\nby Somebody\n\n{chapters([4, 5, 6])}"
    sections = divide(SectionFinder(words=300), [Page(text, 1, 1)])
    assert [section.title for section in sections] == ["CHAPTER 1", "CHAPTER 2", "CHAPTER 3"]
    assert [section.words for section in sections] == [4 * 50 + 6, 5 * 50 + 2, 6 * 50 + 2]
    assert [section.place for section in sections] == ["lines 1-13", "lines 15-25", "lines 27-39"]


def test_short_chapters_are_joined_and_long_ones_divided() -> None:
    sections = divide(SectionFinder(words=400), [Page(chapters([1, 1, 30, 4]), 1, 1)])
    assert [section.title for section in sections] == ["CHAPTER 1", "CHAPTER 3", "CHAPTER 3", "CHAPTER 4"]
    assert [section.words for section in sections] == [104, 802, 700, 202]


def test_the_short_rest_of_a_chapter_goes_to_the_next() -> None:
    sections = divide(SectionFinder(words=400), [Page(chapters([17, 10]), 1, 1)])
    assert [(section.title, section.words) for section in sections] == [("CHAPTER 1", 802), ("CHAPTER 2", 50 + 502)]


def test_a_text_without_headings_is_divided_equally() -> None:
    pages = [Page(PARAGRAPH * 10, number, 1 + 20 * (number - 1)) for number in range(1, 9)]
    sections = divide(SectionFinder(words=1000), pages)
    assert [(section.title, section.words) for section in sections] == [(None, 1000)] * 4
    assert sections[1].place == "lines 41-79"


def test_a_section_ends_where_it_is_said_to_end() -> None:
    text = chapters([4, 5, 6])
    cuts = [offset for offset, _ in SectionFinder(words=300).add(Page(text, 1, 1))]
    assert [text[offset : offset + 9] for offset in cuts] == ["CHAPTER 2", "CHAPTER 3"]


def test_pages_that_stand_apart_begin_sections_with_their_headings() -> None:
    headings = ["Preface", None, "One", None, "One", "Two", "Two"]
    pages = [Page("word " * 100, number, None, heading) for number, heading in enumerate(headings, 1)]
    sections = divide(SectionFinder(words=200, has_pages=True), pages)
    assert [(section.title, section.place) for section in sections] == [
        ("Preface", "pp. 1-2"),
        ("One", "pp. 3-5"),
        ("Two", "pp. 6-7"),
    ]
    assert divide(SectionFinder(words=200), pages)[0].place == "parts 1-2"


def test_a_running_head_begins_no_chapter() -> None:
    pages = [Page(f"Chapter {1 + number // 4}. Title\n" + "word " * 60, number + 1, None) for number in range(8)]
    sections = divide(SectionFinder(words=200, has_pages=True), pages)
    assert [(section.title, section.place) for section in sections] == [
        ("Chapter 1", "pp. 1-4"),
        ("Chapter 2", "pp. 5-8"),
    ]


@pytest.mark.parametrize(
    ("name", "count"),
    [("pride_and_prejudice.txt", 61), ("sense_and_sensibility.txt", 50), ("northanger_abbey.txt", 31)],
)
def test_the_chapters_of_the_novels(data: Path, name: str, count: int) -> None:
    with open_document(str(data / name)) as document:
        pages = list(document.pages())
    sections = divide(SectionFinder(words=2600), pages)
    titles = [(section.title or "").lower() for section in sections]
    joined = len(set(titles))
    assert set(titles) <= {f"chapter {number}" for number in range(1, count + 1)}
    assert joined >= count - 3
    assert titles == sorted(titles, key=lambda title: int(title.split()[1]))
    assert sum(section.words for section in sections) == sum(len(search_words(page.text)) for page in pages)


def test_the_sections_of_the_pdf(data: Path) -> None:
    with open_document(str(data / "developers-reference.pdf"), pages="11-60") as document:
        pages = list(document.pages())
    sections = divide(SectionFinder(words=2500, has_pages=True), pages)
    assert {
        "Scope of This Document",
        "Debian Developer's Duties",
        "Resources for Debian Members",
        "Managing Packages",
    } <= {section.title for section in sections}
    assert [sections[0].first_page, sections[-1].last_page] == [11, 60]
    assert all(one.last_page < other.first_page for one, other in pairwise(sections))
