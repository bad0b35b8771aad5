"""Candidates: the names and numbers of found passages that may be the answer to a question."""

# ruff: noqa: SIM905 - lists of words are read more easily as words

import math
import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from freqkv_cli.answering.mentions import POSSESSIVE, TITLES, capital_spans, name_words, singular
from freqkv_cli.answering.numbers import find_number_spans
from freqkv_cli.answering.wanted import Wanted
from freqkv_cli.retrieval.index import Hit, PassageIndex
from freqkv_cli.retrieval.question import SEARCH_WORD, STOP_WORDS, question_words, search_words

NEAR = 12  # words at which a word of the question counts half
EXAMPLES = 10  # passages in which the use of a name is looked at
PLACE_BEFORE = re.compile(r"\b(?:in|at|near|from|into|quit|reach(?:ed)?|visit(?:ed)?)\s+(?:the\s+)?$", re.IGNORECASE)
TITLE_BEFORE = re.compile(rf"\b(?:{'|'.join(sorted(TITLES))})\.?\s+$", re.IGNORECASE)
TITLED = re.compile(rf"(?:{'|'.join(sorted(TITLES))})\b", re.IGNORECASE)
TITLE_WITHIN = re.compile(rf"\s(?=(?:{'|'.join(title.title() for title in sorted(TITLES))})\b)")
PERSON_AFTER = re.compile(
    r"(?:['\u2019]s\b|\s+(?:said|says|cried|replied|asked|answered|thought|felt|had|would|could|did)\b)"
)
UNIT = re.compile(r"\s+([a-z]+)")
NO_UNITS = STOP_WORDS | {"per", "each", "more", "most", "less"}
PRONOUN = re.compile(r"(?:\s+I)?$")  # "said John I am"
DATES = frozenset(
    "monday tuesday wednesday thursday friday saturday sunday january february march april may june july august"
    " september october november december christma easter".split()
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A name or number of a passage, as it is written there.

    closeness: share of the question's words around it, weighted by rarity and nearness, 0 to 1.
    commonness: logarithm of the share of all passages that have it. fitness: how much it is used like what is wanted,
    -1 to 1. passage: which of the hits has it at its closest.
    """

    text: str
    key: str
    closeness: float
    commonness: float
    fitness: float
    passage: int


def find_candidates(question: str, wanted: Wanted, hits: Sequence[Hit], index: PassageIndex) -> list[Candidate]:
    """Return what may answer the question, the closest first; words of the question itself do not."""
    rarities = index.rarities(question_words(question))
    asked = {form for word in search_words(question) for form in (word, singular(word))}
    places: dict[str, list[tuple[float, int, str]]] = {}
    for number, hit in enumerate(hits):
        text = " ".join(hit.passage.text.split())
        words = [(match.start(), match.group().lower()) for match in SEARCH_WORD.finditer(text)]
        starts = [start for start, _ in words]
        stems = index.stem_each([word for _, word in words])
        marks = [(place, stem) for place, stem in enumerate(stems) if stem in rarities]
        spans = list(numbers_in(text) if wanted is Wanted.NUMBER else names_in(text))
        if wanted is Wanted.PLACE:  # which has no title
            spans = [span for span in spans if not TITLED.match(text, span[0])]
        for start, end, key in spans:
            if set(key.split()) <= asked:
                continue
            closeness = nearness_sum(bisect_left(starts, start), marks, rarities)
            places.setdefault(key, []).append((closeness, number, text[start:end]))
    total = sum(rarities.values()) or 1.0
    found = []
    for key, seen in places.items():
        closeness, number, written = max(seen)
        found.append(
            Candidate(
                written,
                key,
                closeness / total,
                math.log((1 + index.holders(key)) / max(1, len(index))),
                0.0,
                number,
            )
        )
    found.sort(key=lambda candidate: -candidate.closeness)
    if wanted not in (Wanted.PERSON, Wanted.PLACE):
        return found
    sign = 1 if wanted is Wanted.PERSON else -1
    return [replace(candidate, fitness=sign * personhood(candidate.key, index)) for candidate in found]


def nearness_sum(place: int, marks: Sequence[tuple[int, str]], rarities: dict[str, float]) -> float:
    """Return how much of the question stands around the word at `place`; each of its words counts at its nearest."""
    nearest: dict[str, float] = {}
    for mark, stem in marks:
        nearest[stem] = max(nearest.get(stem, 0.0), rarities[stem] / (1 + abs(mark - place) / NEAR))
    return sum(nearest.values())


def names_in(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield where names begin and end, with their title, and their words in the form they are compared in.

    A word that is only ever seen at the start of sentences is none.
    """
    spans = []
    for start, end, starts in capital_spans(text):
        if within := TITLE_WITHIN.search(text, start, end):
            start, starts = within.end(), False
        end -= len(PRONOUN.search(text[start:end]).group())  # type: ignore[union-attr]
        spans.append((start, end, starts, name_words(text[start:end])))
    inside = {key for _, _, starts, key in spans if not starts}
    for start, end, starts, key in spans:
        if key and key not in DATES and (not starts or " " in key or key in inside):
            title = TITLE_BEFORE.search(text, max(0, start - 10), start)
            yield title.start() if title else start, end, key


def numbers_in(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield where numbers begin and end, with the word that they count; numbers of sections and versions are none."""
    for start, end, value in find_number_spans(text):
        if value.count(".") > 1:
            continue
        unit = UNIT.match(text, end)
        if unit and unit[1] not in NO_UNITS:
            end = unit.end()
        yield start, end, value


def personhood(key: str, index: PassageIndex) -> float:
    """Return how a name is used in the document, from -1 (always like a place) to 1 (always like a person)."""
    person = place = 0
    for passage in index.holding(key, EXAMPLES):
        text = " ".join(passage.text.split())
        for start, end, found in ((s, e, name_words(text[s:e])) for s, e, _ in capital_spans(text)):
            if found != key:
                continue
            if TITLE_BEFORE.search(text, max(0, start - 10), start):
                person += 1
            elif PLACE_BEFORE.search(text, max(0, start - 16), start) and not POSSESSIVE.match(text, end):
                place += 1
            elif PERSON_AFTER.match(text, end):
                person += 1
    return (person - place) / (person + place + 1)
