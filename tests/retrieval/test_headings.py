"""Headings of plain text and Markdown."""

import pytest
from freqkv_cli.summarizing.headings import Rank, chapter_mark, find_headings

BODY = "word " * 30


@pytest.mark.parametrize(
    ("line", "rank"),
    [
        ("CHAPTER XII", Rank.CHAPTER),
        ("Chapter 3. A title", Rank.CHAPTER),
        ("VOLUME I", Rank.CHAPTER),
        ("Part the Second", Rank.CHAPTER),
        ("Epilogue", Rank.CHAPTER),
        ("3. Installing it\n================", Rank.NUMBERED),
        ("A title\n-------", Rank.TITLE),
        ("THE OPENING OF THE HOUSE", Rank.GUESSED),
        ("1.2  Terms", Rank.GUESSED),
    ],
)
def test_titles(line: str, rank: Rank) -> None:
    text = f"{BODY}\n\n{line}\n\n{BODY}\n"
    (heading,) = find_headings(text)
    assert (heading.title, heading.rank) == (line.split("\n")[0].replace("  ", " "), rank)
    assert text[heading.offset :].startswith(line)


@pytest.mark.parametrize(
    "line",
    [
        "Chapter and verse were given.",
        "this chapter 3 is about it",
        "CONTENTS",
        "THE END",
        "A plain line",
        "1. an item of a list, in the middle of which,",
        "Chapter 1 ........ 12",
        "W.",
    ],
)
def test_other_lines(line: str) -> None:
    assert find_headings(f"{BODY}\n\n{line}\n\n{BODY}\n") == []


def test_a_table_of_contents_has_no_text_under_its_lines() -> None:
    contents = "\n\n".join(f"CHAPTER {number}" for number in range(1, 9))
    text = f"A BOOK\n\n{contents}\n\nCHAPTER 1\n\n{BODY}\n\nCHAPTER 2\n\n{BODY}"
    first, second = find_headings(text)
    assert (first.title, second.title) == ("CHAPTER 1", "CHAPTER 2")
    assert first.offset == text.rindex("CHAPTER 1")


def test_markdown_headings_outside_code() -> None:
    text = f"# One #\n{BODY}\n```\n# not this\n```\n### Deep\n{BODY}\n#hashtag\n#### Too deep\n{BODY}\n"
    assert [(heading.title, heading.rank) for heading in find_headings(text, markdown=True)] == [
        ("One", Rank.NUMBERED),
        ("Deep", Rank.TITLE),
    ]


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("CHAPTER\nTWO\nAPPLYING", "CHAPTER TWO"),
        ("Chapter 4. Resources\n4.1 More", "Chapter 4"),
        ("book I read", None),
        ("The chapter 4", None),
    ],
)
def test_the_chapter_a_page_begins_with(text: str, mark: str | None) -> None:
    assert chapter_mark(text) == mark
