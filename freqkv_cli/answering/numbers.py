"""Numbers of a text in one spelling: "ten thousand", "10,000" and "10000" are the same."""

# ruff: noqa: SIM905 - lists of words are read more easily as words

import re
from collections.abc import Iterator

SMALL = {
    word: value
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
        " seventeen eighteen nineteen".split()
    )
}
TENS = {
    word: value
    for value, word in zip(
        range(20, 100, 10), "twenty thirty forty fifty sixty seventy eighty ninety".split(), strict=True
    )
}
HUNDRED, DOZEN = "hundred", "dozen"
LARGE = {"thousand": 10**3, "million": 10**6, "billion": 10**9}
NUMBER_WORDS = frozenset({*SMALL, *TENS, *LARGE, HUNDRED, DOZEN})

ONE_WORD = "|".join(sorted(NUMBER_WORDS, key=len, reverse=True))
IN_WORDS = rf"\b(?:{ONE_WORD})(?:(?:\s+and\s+|[\s-]+)(?:{ONE_WORD}))*\b"
IN_DIGITS = r"(?<![\w.,])\d+(?:[.,]\d+)*"
NUMBER = re.compile(rf"{IN_DIGITS}|{IN_WORDS}", re.IGNORECASE)
LIST_MARK = re.compile(r"^\s*\d+[.)](?=\s)", re.MULTILINE)
THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")


def find_numbers(text: str) -> Iterator[tuple[str, str]]:
    """Yield each number as it is written and in digits. The marks of lists and a lone "one" are no numbers."""
    for start, end, said in _spans(text):
        written = text[start:end]
        yield from ((written if len(said) == 1 else value, value) for value in said)


def find_number_spans(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield where each number begins and ends, and the number in digits."""
    for start, end, said in _spans(text):
        if len(said) == 1:
            yield start, end, said[0]


def _spans(text: str) -> Iterator[tuple[int, int, list[str]]]:
    marks = {match.end() for match in LIST_MARK.finditer(text)}
    for match in NUMBER.finditer(text):
        written = match.group()
        if written[0].isdigit():
            if match.end() + 1 not in marks:
                yield *match.span(), [written.replace(",", "") if THOUSANDS.fullmatch(written) else written]
        elif written.lower() != "one":
            yield *match.span(), [str(value) for value in values(re.split(r"[\s-]+", written.lower()))]


def values(words: list[str]) -> Iterator[int]:
    """Yield the numbers that number words say; "four five" are two."""
    total = part = 0
    last = -1  # size of the word before, -1 at the start of a number
    for word in words:
        if word == "and":
            continue
        if word in LARGE:
            total, part, last = total + (part if last >= 0 and part else 1) * LARGE[word], 0, LARGE[word]
        elif word in (HUNDRED, DOZEN):
            part, last = (part or 1) * (100 if word == HUNDRED else 12), 100
        else:
            value = SMALL.get(word, TENS.get(word, 0))
            size = 1 if word in SMALL else 10
            if last >= 0 and (last <= size or (last == 10 and value >= 10)):
                yield total + part
                total = part = 0
            part, last = part + value, size
    yield total + part
