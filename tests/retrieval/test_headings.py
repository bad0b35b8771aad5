"""Headings of plain text."""

import pytest

from freqkv_cli.retrieval.headings import Rank, find_headings

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


def test_numbered_titles_that_count_on_are_headings() -> None:
    titles = ["1. Rent", "2. Deposit", "3. Repairs", "4. Notice"]
    text = "\n\n".join(f"{title}\nThe tenant {BODY}" for title in titles)
    assert [(one.title, one.rank) for one in find_headings(text)] == [(title, Rank.NUMBERED) for title in titles]


@pytest.mark.parametrize(
    "titles",
    [
        ["1. Rent", "2. Deposit"],  # too few
        ["1. Rent", "3. Repairs", "7. Notice"],
        ["3. Repairs", "2. Deposit", "1. Rent"],
    ],
)
def test_numbered_lines_that_do_not_count_on_are_not(titles: list[str]) -> None:
    assert find_headings("\n\n".join(f"{title}\nThe tenant {BODY}" for title in titles)) == []


def test_items_whose_sentence_goes_on_in_the_next_line_are_not() -> None:
    items = [
        f"{number}. Take the {number} long screws out of the box and put\nthem aside. {BODY}" for number in (1, 2, 3)
    ]
    assert find_headings("\n\n".join(items)) == []
