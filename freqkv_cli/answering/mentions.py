"""Mentions: the names, numbers and quotations of a text, which can be looked up in another."""

# ruff: noqa: SIM905 - lists of words are read more easily as words

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from freqkv_cli.answering.numbers import NUMBER_WORDS, find_numbers
from freqkv_cli.retrieval.question import STOP_WORDS, search_words

Kind = Literal["name", "number", "quotation"]

TITLES = frozenset(
    "mr mrs ms miss dr prof st sir lady lord madam captain capt colonel col general gen major rev messrs".split()
)
# Words that begin a sentence or are written with a capital without being a name.
NO_NAMES = STOP_WORDS | NUMBER_WORDS | frozenset("i yes also however although though while whether".split())

QUOTED = re.compile(
    r"\"([^\"\n]+)\"|\u201c([^\u201d]+)\u201d|\u201e([^\u201c\u201d]+)[\u201c\u201d]"
    r"|\u00ab([^\u00bb]+)\u00bb|\u300c([^\u300d]+)\u300d"
)
QUOTED_WORDS = 3  # from which on words in quotation marks are a quotation
PLACE_MARK = re.compile(r"\[(?:p\.|lines?|part)[^\]]*\]")
NAME_WORD = r"[^\W\d_][^\W_]*(?:[-'\u2019][^\W_]+)*"
WORD = re.compile(NAME_WORD)
PARTICLES = frozenset("de du des von van der den la le di da del".split())
POSSESSIVE = re.compile(r"['\u2019](?:s|m|d|ll|ve|re)?$")
SENTENCE_START = re.compile(r"(?:^|[.!?:\u2026][\"'\u201d\u2019)\]]*\s|\n)\W*$")
TITLE_BEFORE = re.compile(rf"\b(?:{'|'.join(sorted(TITLES))})\.\s$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Mention:
    """A piece of a text: `text` as it is written, `key` in the form in which it is compared."""

    kind: Kind
    text: str
    key: str


def find_mentions(text: str) -> list[Mention]:
    """Return quotations of three words or more, names and numbers, each once; what stands in a quotation is left to it.

    A name is a run of words with capitals. One such word at the start of a sentence is none, unless the text has it
    elsewhere inside a sentence, or the sentence is no longer than that.
    """
    text = PLACE_MARK.sub(" ", text)
    quotations = list(find_quotations(text))
    for quotation in quotations:
        text = text.replace(quotation.text, " ")
    names = [Mention("name", written, key) for written, key in find_names(text)]
    numbers = [Mention("number", written, key) for written, key in find_numbers(text)]
    return list(
        {(mention.kind, mention.key): mention for mention in reversed([*quotations, *names, *numbers])}.values()
    )[::-1]


def find_quotations(text: str) -> Iterator[Mention]:
    """Yield what stands in quotation marks and is at least three words long."""
    for match in QUOTED.finditer(text):
        quoted = next(group for group in match.groups() if group is not None)
        if len(search_words(quoted)) >= QUOTED_WORDS:
            yield Mention("quotation", quoted, letters(quoted))


def find_names(text: str) -> Iterator[tuple[str, str]]:
    """Yield each name as it is written, without title and possessive, and its words in the form of `name_words`."""
    runs = list(capital_runs(text))
    inside = {name_words(written) for written, starts, _ in runs if not starts}
    for written, starts, alone in runs:
        words = name_words(written)
        if words and (not starts or alone or " " in words or words in inside):
            yield written, words


def capital_runs(text: str) -> Iterator[tuple[str, bool, bool]]:
    """Yield runs of words with capitals, whether each starts a sentence, and whether the sentence is nothing else."""
    for start, end, starts in capital_spans(text):
        yield text[start:end], starts, starts and ends_sentence(text, end)


def capital_spans(text: str) -> Iterator[tuple[int, int, bool]]:
    """Yield where the runs of `capital_runs` begin and end, and whether each starts a sentence."""
    run: list[re.Match[str]] = []
    for match in [*WORD.finditer(text), None]:
        if match is not None and continues(run, match, text):
            run.append(match)
            continue
        while run and run[-1].group() in PARTICLES:
            run.pop()
        starts = bool(run) and starts_sentence(text, run[0])
        while run and plain(run[0].group()) in NO_NAMES | TITLES:
            run.pop(0)
            starts = False
        if run:
            start = run[0].start()
            yield start, start + len(POSSESSIVE.sub("", text[start : run[-1].end()])), starts
        run = [match] if match is not None and is_capital(match.group()) else []


def continues(run: list[re.Match[str]], match: re.Match[str], text: str) -> bool:
    """Return whether a word belongs to the name that the run has begun."""
    if not run or run[-1].group() != POSSESSIVE.sub("", run[-1].group()):
        return False
    gap = text[run[-1].end() : match.start()]
    after_title = gap == ". " and plain(run[-1].group()) in TITLES
    initial = gap == ". " and len(run[-1].group()) == 1
    return (gap == " " or after_title or initial) and (is_capital(match.group()) or match.group() in PARTICLES)


def starts_sentence(text: str, word: re.Match[str]) -> bool:
    """Return whether a word is the first of a sentence or of a line."""
    before = text[max(0, word.start() - 24) : word.start()]
    return not word.start() or (bool(SENTENCE_START.search(before)) and not TITLE_BEFORE.search(before))


def ends_sentence(text: str, end: int) -> bool:
    """Return whether the sentence, or the line, is over."""
    return re.match(r"\W*?(?:[.!?\n]|$)", text[end:]) is not None


def is_capital(word: str) -> bool:
    """Return whether a word begins with a capital letter."""
    return word[0].isupper()


def plain(word: str) -> str:
    """Return a word in lowercase, without possessive."""
    return POSSESSIVE.sub("", word).lower()


def name_words(name: str) -> str:
    """Return the words of a name as they are compared: lowercase, without possessive, title, hyphen and plural."""
    parts = (plain(part) for word in name.split() for part in word.strip(".,").split("-"))
    return " ".join(singular(part) for part in parts if part and part not in TITLES)


def singular(word: str) -> str:
    """Return a word without the s of the plural, so that "the Bennets" are found as "Bennet"."""
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def letters(text: str) -> str:
    """Return the letters and digits of a text alone, in lowercase, as quotations are compared."""
    return "".join(char for char in text.lower() if char.isalnum())
