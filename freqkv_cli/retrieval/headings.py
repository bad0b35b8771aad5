"""Headings of plain text: chapter lines, and underlined, numbered or all-capital titles."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import IntEnum

WORD = re.compile(r"\w+")
IN_A_RUN = 3  # numbered titles that count on make each other sure
BODY_WORDS = 20  # a heading with less text under it is a line of the table of contents or of the title page
LONGEST = 80  # characters of a title

NUMERAL = (
    r"(?:\d{1,3}|[IVXLC]+|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|the\s+\w+|first|last|[A-Z])"
)
KEYWORD = (
    r"(?:chapter|volume|book|part|act|scene|letter|canto|appendix|chapitre|kapitel|teil|cap[i\u00ed]tulo|capitolo)"
)
CHAPTER = re.compile(
    rf"{KEYWORD}\s+{NUMERAL}(?:\s*[.:)\u2013\u2014-].*)?|(?:prologue|epilogue|preface|foreword|conclusion)\.?",
    re.IGNORECASE,
)
CONTENTS = re.compile(r"(?:table of )?contents|index|the end|finis", re.IGNORECASE)
FIRST_LEVEL = re.compile(r"\d{1,2}\.?\s+[^\W\d_].*[^.,;:!?]")
NUMBERED = re.compile(r"\d{1,2}(?:\.\d{1,2}){0,3}\.?\s+[^\W\d_].*[^.,;:!?]")
UNDERLINE = re.compile(r"(=|-|~|\*|#)\1{2,}")
LEADERS = re.compile(r"(?:\. ?){4,}|\t\d+$| {3,}\d+$")


class Rank(IntEnum):
    """How surely a heading begins a chapter."""

    CHAPTER = 1  # it says so
    NUMBERED = 2  # "3. Title"
    TITLE = 3
    GUESSED = 4  # a line in capitals, or with a number: it may be a signature, or belong to a list
    COUNTED = 5  # "3. Title" with text right under it: it may be an item of a list
    CONTINUED = 6  # of a section before


@dataclass(frozen=True, slots=True)
class Heading:
    """A title and where it begins in its text."""

    offset: int
    title: str
    rank: Rank


def find_headings(text: str) -> list[Heading]:
    """Return the headings of a text that have some text under them, before the next heading or the end."""
    found = _counting_on(list(_titles(text)))
    ends = [following.offset for following in found[1:]]
    kept = [
        heading
        for heading, end in zip(found, ends, strict=False)
        if sum(1 for _ in WORD.finditer(text, heading.offset + len(heading.title), end)) >= BODY_WORDS
    ]
    return kept + found[-1:]


def _titles(text: str) -> Iterator[Heading]:
    """Yield the lines after a blank line that look like titles."""
    lines = text.split("\n")
    offset = 0
    for index, line in enumerate(lines):
        title = " ".join(line.split())
        if title and len(title) <= LONGEST and (index == 0 or not lines[index - 1].strip()):
            after = lines[index + 1].strip() if index + 1 < len(lines) else ""
            underlined = len(after) >= len(title) // 2 and UNDERLINE.fullmatch(after) is not None
            rank = rank_of(title)
            if rank is not Rank.CHAPTER and not underlined:
                guess = not after and (NUMBERED.fullmatch(title) is not None or is_capitals(title))
                counted = rank is Rank.NUMBERED and not after[:1].islower()  # else a sentence goes on there
                rank = Rank.GUESSED if guess else Rank.COUNTED if counted else Rank.CONTINUED
            if rank <= Rank.COUNTED and not CONTENTS.fullmatch(title) and not LEADERS.search(line):
                yield Heading(offset, title, rank)
        offset += len(line) + 1


def _counting_on(found: list[Heading]) -> list[Heading]:
    """Return the titles with those that stand in a run, "1. Rent", "2. Deposit", "3. Repairs", as numbered ones, and
    without others that only might be items of a list.
    """
    runs: list[list[Heading]] = []
    for heading in found:
        if heading.rank in (Rank.GUESSED, Rank.COUNTED) and FIRST_LEVEL.fullmatch(heading.title):
            if runs and number_of(heading) == number_of(runs[-1][-1]) + 1:
                runs[-1].append(heading)
            else:
                runs.append([heading])
    sure = {heading.offset for run in runs if len(run) >= IN_A_RUN for heading in run}
    ranked = [replace(one, rank=Rank.NUMBERED) if one.offset in sure else one for one in found]
    return [heading for heading in ranked if heading.rank <= Rank.GUESSED]


def number_of(heading: Heading) -> int:
    """Return the number that a title begins with."""
    return int(re.match(r"\d+", heading.title)[0])  # type: ignore[index]


def rank_of(title: str) -> Rank:
    """Return what a title says of its own rank."""
    if CHAPTER.fullmatch(title):
        return Rank.CHAPTER
    return Rank.NUMBERED if FIRST_LEVEL.fullmatch(title) else Rank.TITLE


def is_capitals(title: str) -> bool:
    """Return whether a line is a title in capitals alone."""
    return title.isupper() and sum(map(str.isalpha, title)) >= 4 and title[-1] not in ",;"
