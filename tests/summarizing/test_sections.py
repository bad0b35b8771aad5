"""Sections: passages gathered to a length, and parted where headings or documents change."""

import random
from collections.abc import Iterable

import pytest

from freqkv_cli.location import Location
from freqkv_cli.retrieval.passage import Passage
from freqkv_cli.summarizing.sections import Section, SectionFinder


def passage(index: int, words: int, heading: str | None = None, document: int = 0, **place: int | None) -> Passage:
    located = Location(heading=heading, **{"first_line": index + 1, "last_line": index + 1, **place})  # type: ignore[arg-type]
    return Passage(" ".join(["word"] * words), index, document, located)


def sections(passages: Iterable[Passage], words: int) -> list[list[int]]:
    finder = SectionFinder(words)
    found = [ended for one in passages if (ended := finder.add(one)) is not None]
    if (left := finder.finish()) is not None:
        found.append(left)
    return [[one.index for one in section.passages] for section in found]


def test_a_section_ends_when_it_is_long_enough() -> None:
    assert sections([passage(number, 40) for number in range(7)], 100) == [[0, 1, 2], [3, 4, 5], [6]]


def test_a_section_ends_at_another_heading_if_it_has_half_of_its_length() -> None:
    words = [60, 60, 30, 60, 60]
    headings = ["A", "B", "B", "C", "C"]
    given = [passage(number, *both) for number, both in enumerate(zip(words, headings, strict=True))]
    assert sections(given, 100) == [[0], [1, 2], [3, 4]]
    assert sections(given, 200) == [[0, 1], [2, 3, 4]] or sections(given, 200) == [[0, 1, 2], [3, 4]]


def test_a_section_is_of_one_document() -> None:
    given = [passage(0, 5), passage(1, 5, document=1), passage(2, 5, document=1)]
    assert sections(given, 1000) == [[0], [1, 2]]


@pytest.mark.parametrize("seed", range(10))
def test_every_passage_is_in_one_section(seed: int) -> None:
    chance = random.Random(seed)
    given = [passage(number, chance.randrange(1, 150), chance.choice("AB")) for number in range(60)]
    found = sections(given, 300)
    assert [index for section in found for index in section] == list(range(60))
    lengths = [sum(len(given[index].text.split()) for index in section) for section in found]
    assert all(150 <= length < 300 + 150 for length in lengths[:-1])


def test_nothing_is_no_section() -> None:
    assert SectionFinder(100).finish() is None


def test_the_place_of_a_section() -> None:
    lines = Section([passage(3, 5, "A"), passage(8, 5, "B")])
    assert (lines.title, lines.place) == ("A", "lines 4-9")
    pages = Section([passage(0, 5, page=3), passage(1, 5, page=5)])
    assert pages.place == "pp. 3-5"
    assert Section([passage(0, 5, page=3), passage(1, 5, page=3)]).place == "p. 3"
