"""Places that a user names, a heading, a page or a share of the text, found in a document before it is read."""

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from freqkv_cli.config import Settings
from freqkv_cli.documents.document import Document
from freqkv_cli.documents.excerpt import Excerpt, Point
from freqkv_cli.documents.page import Page
from freqkv_cli.errors import UsageError
from freqkv_cli.location import title_of
from freqkv_cli.retrieval.headings import LONGEST, find_headings

SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*%")
PAGE = re.compile(r"(?:pages?|p\.?|pp\.)\s*([0-9]+|[ivxlc]+|[A-Z]+-?[0-9]+)", re.IGNORECASE)
NEAREST = 5  # headings that an error names
LITTLE = 80  # characters: a heading with less before the next one is a line of the table of contents
WORD = re.compile(r"[^\W_]+")
ROMAN = re.compile(r"(c{0,3})(xc|xl|l?x{0,3})(ix|iv|v?i{0,3})")
ROMAN_DIGITS = {"c": 100, "xc": 90, "xl": 40, "l": 50, "x": 10, "ix": 9, "iv": 4, "v": 5, "i": 1}
UNITS = {
    name: number
    for number, name in enumerate(
        ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
         "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"), 1,
    )
}  # fmt: skip
TENS = {
    name: 10 * number
    for number, name in enumerate(("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"), 2)
}


@dataclass(frozen=True, slots=True)
class Landmark:
    """A heading: its path of titles, the character of all text at which it begins, and whether it is only guessed."""

    title: str
    at: int
    guessed: bool


@dataclass(slots=True)
class Survey:
    """What one run through a document finds: where pages begin (in characters of all text), headings, ends of lines."""

    starts: list[int] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)  # without their text
    shares: list[float] = field(default_factory=lambda: [0.0])
    lines: list[list[int]] = field(default_factory=list)
    landmarks: list[Landmark] = field(default_factory=list)
    length: int = 0

    def point(self, at: int, words: str) -> Point:
        """Return the place at a character of all text, called `words` and by what can be counted there."""
        index = max(number for number, start in enumerate(self.starts) if start <= at)
        page, offset = self.pages[index], at - self.starts[index]
        length = (self.starts[index + 1] if index + 1 < len(self.starts) else self.length) - self.starts[index]
        before, after = self.shares[index], self.shares[index + 1]
        share = before + (after - before) * offset / max(1, length)
        if page.first_line is not None:
            words += f" (line {page.first_line + sum(end <= offset for end in self.lines[index])})"
        elif page.location and page.location.page is not None:
            words += f" ({page.location.text})"
        return Point(index, offset, share, words)


def confine(documents: Sequence[Document], settings: Settings) -> None:
    """Let the one document give no more than what lies between `settings.start` and `settings.until`.

    One that was confined before stays as it is. Raises UsageError where a place is not found, or where there is more
    than one document.
    """
    if (settings.start is None and settings.until is None) or any(document.excerpt for document in documents):
        return
    if len(documents) > 1:
        raise UsageError("--from and --until are places in one document: name one alone")
    document = documents[0]
    survey = surveyed(document)
    start, end = (
        found(survey, name, document.name) if name is not None else None for name in (settings.start, settings.until)
    )
    if end and (end.page, end.offset) <= ((start.page, start.offset) if start else (0, 0)):
        behind = f" and behind {start.words}" if start else ""
        raise UsageError(f"nothing stands before {end.words}{behind}: move --until")
    document.confine(Excerpt(start, end))


def surveyed(document: Document) -> Survey:
    """Go through a document, without a model."""
    survey = Survey()
    known: str | None = None
    for page in document.pages():
        begin = survey.length
        for title, offset, guessed in page_headings(page, known):
            survey.landmarks.append(Landmark(title, begin + offset, guessed))
            known = known if guessed else title
        survey.starts.append(begin)
        survey.pages.append(Page("", page.number, page.first_line, None, page.location))
        survey.shares.append(document.progress())
        survey.lines.append([match.end() for match in re.finditer("\n", page.text)])
        survey.length += len(page.text)
    return survey


def page_headings(page: Page, known: str | None) -> Iterator[tuple[str, int, bool]]:
    """Yield the headings that begin in a page, where, and whether they are guessed; `known` is the one before it."""
    places = page.marks or (((0, page.location),) if page.location else ())
    for offset, place in places:
        if place.heading and place.heading != known:
            known = place.heading
            yield known, offset or line_of(title_of(known), page.text), False
    if not page.marks:
        for heading in find_headings(page.text):
            yield heading.title, heading.offset, True


def line_of(title: str, text: str) -> int:
    """Return where the line that is a title begins, 0 where none is: what tells where a page's heading stands."""
    wanted, at = key_of(title), 0
    for line in text.split("\n"):
        if len(line) <= LONGEST and key_of(line) == wanted:
            return at
        at += len(line) + 1
    return 0


def found(survey: Survey, name: str, label: str) -> Point:
    """Return the place that `name` names; raise UsageError where there is none, with the nearest."""
    name = " ".join(name.split())
    if match := SHARE.fullmatch(name):
        if not 0 < float(match[1]) < 100:
            raise UsageError(f"{name} is no place inside the text: give a share between 0% and 100%")
        target = round(survey.length * float(match[1]) / 100)
        ends = (start + end for start, lines in zip(survey.starts, survey.lines, strict=True) for end in (0, *lines))
        return survey.point(max(end for end in ends if end <= target), name)
    if (at := heading_place(survey.landmarks, name)) is not None:
        return survey.point(at, name)
    if match := PAGE.fullmatch(name):
        return survey.point(page_place(survey, match[1], label), name)
    titles = {" ".join(key_of(one.title)): title_of(one.title) for one in survey.landmarks}
    if not titles:
        raise UsageError(f"{label} has no headings that are known: instead of {name} give a share, such as 45%")
    close = difflib.get_close_matches(" ".join(key_of(name)), titles, n=NEAREST, cutoff=0.0)
    near = "; ".join(titles[one] for one in close)
    raise UsageError(f"{label} has no heading {name!r}; the nearest are: {near}".replace("'", '"'))


def page_place(survey: Survey, wanted: str, label: str) -> int:
    """Return where a page begins: the one with this label printed on it, else of this number in the file."""
    numbered = [
        (page.location, start)
        for page, start in zip(survey.pages, survey.starts, strict=True)
        if page.location and page.location.page is not None
    ]
    if not numbered:
        raise UsageError(f"{label} has no pages: instead of p. {wanted} give a heading, or a share such as 45%")
    for place, start in numbered:
        if place.page_label is not None and place.page_label.casefold() == wanted.casefold():
            return start
    last = numbered[-1][0].page or 0
    behind = [start for place, start in numbered if wanted.isdecimal() and (place.page or 0) >= int(wanted)]
    if not behind:
        raise UsageError(f"{label} has no page {wanted}: its last one is {last}")
    return behind[0]


def heading_place(landmarks: Sequence[Landmark], name: str) -> int | None:
    """Return where the section begins that is called `name`, or whose title begins with it or has it in it."""
    wanted = key_of(name)
    fits: list[tuple[bool, int, int]] = []
    for place, one in enumerate(landmarks):
        bare = one.guessed and place + 1 < len(landmarks) and landmarks[place + 1].at - one.at < LITTLE
        ranks = [fit(wanted, key_of(title)) for title in (title_of(one.title), one.title)]
        if wanted and not bare and (rank := min(ranks)) < len(RULES):
            fits.append((one.guessed, rank, one.at))
    return min(fits)[2] if fits else None


RULES = (
    lambda wanted, title: title == wanted,
    lambda wanted, title: title[: len(wanted)] == wanted,
    lambda wanted, title: any(title[at : at + len(wanted)] == wanted for at in range(len(title))),
    # "chapter 12" where the title says no more than "12. The storm"
    lambda wanted, title: len(wanted) == 2 and wanted[1].isdecimal() and title[:1] == wanted[1:],
)


def fit(wanted: Sequence[str], title: Sequence[str]) -> int:
    """Return which of RULES is the first that holds; their number for none."""
    return next((rank for rank, holds in enumerate(RULES) if holds(wanted, title)), len(RULES))


def key_of(text: str) -> list[str]:
    """Return the words of a title as they are compared: "Chapter XII" and "chapter twelve" are "chapter", "12"."""
    key: list[str] = []
    tens = 0
    for word in WORD.findall(text.casefold()):
        if tens and UNITS.get(word, 10) < 10:
            key[-1] = str(tens + UNITS[word])
        else:
            key.append(number_of(word))
        tens = TENS.get(word, 0)
    return key


def number_of(word: str) -> str:
    """Return a number in digits, any other word as it is."""
    if (value := UNITS.get(word) or TENS.get(word)) is not None:
        return str(value)
    if (match := ROMAN.fullmatch(word)) is None or not word:
        return word
    hundreds, tens, units = match.groups()
    return str(100 * len(hundreds) + roman(tens) + roman(units))


def roman(digits: str) -> int:
    """Return the value of roman tens or units."""
    return ROMAN_DIGITS.get(digits) or sum(ROMAN_DIGITS[digit] for digit in digits)
