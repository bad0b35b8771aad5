"""Verification: what an answer claims is looked up in the passages that it was written from."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from freqkv_cli.documents.records.log import is_log
from freqkv_cli.retrieval.language import (
    NOUNS_ARE_CAPITAL,
    THOUSANDS,
    detect_language,
    spellings,
    stems,
    words_of,
)
from freqkv_cli.retrieval.log_lines import lines_of
from freqkv_cli.retrieval.passage import Passage
from freqkv_cli.retrieval.sentences import clean_sentences, split_sentences

LONGEST_QUOTE = 300  # characters
SMALL = 12  # numbers up to this are often told in words
NUMBER = re.compile(r"\d[\d.,:/\u202f\u00a0]*\d|\d")
CLAIMED = re.compile(rf"(?<![^\W_])(?<![^\W_]-)(?:{NUMBER.pattern})")  # not the 2.5 and 135 of Qwen2.5 and SmolLM2-135M
# Words inside a sentence, also behind a mark that opens a quotation.
INSIDE = re.compile(r"(?<!^)(?<!^[\"\u201c\u00ab(])(?<![.!?:] )(?<![.!?:] [\"\u201c\u00ab(])\b[^\W\d_a-z][\w'\u2019-]+")
WORD = re.compile(r"[^\W\d_][\w'\u2019-]*")
# The rows of a table are quoted one by one: cells that name their columns, or that stand apart.
NAMED = re.compile(r"[^:;\n]{1,40}: \S")
APART = re.compile(r"\S(?:\t| {2,})\S")
QUOTED_WORDS = 4  # that must stand together for a sentence to count as a quotation

Verdict = Literal["quoted", "supported", "not found"]


@dataclass(frozen=True, slots=True)
class Citation:
    """The words of the document that a sentence of an answer rests on, and their place.

    `sentence` is that of the answer. `verdict`: quoted (word for word), supported (its names and numbers stand there),
    or not found, with `missing`: the names and numbers that no passage has.
    """

    sentence: str
    verdict: Verdict
    passage: Passage
    quote: str
    missing: tuple[str, ...] = ()


def check(answer: str, question: str, passages: Sequence[Passage], language: str, titles: str = "") -> list[Citation]:
    """Return a citation for every sentence of an answer, from the passages, the best first; none without passages.

    `titles`: what else was told of the documents, of which no passage need tell.
    """
    asked = set(stems(question, language))
    return [
        cited(sentence, f"{question}\n{titles}", asked, passages, language)
        for sentence in clean_sentences(answer, language)
        if passages
    ]


def cited(sentence: str, known: str, asked: set[str], passages: Sequence[Passage], language: str) -> Citation:
    """Return the citation of one sentence: the passage that has most of what it claims beyond what is known, then of
    its words, then of the question's, `asked`.
    """
    made = claims(sentence, known)
    told = set(stems(sentence, language))
    held = [set(stems(f"{one.heading or ''} {one.text}", language)) for one in passages]

    def fit(index: int) -> tuple[int, float, int, int]:
        found = sum(is_in(claim, passages[index].text) for claim in made)
        told_there = len((told - asked) & held[index]) + 0.5 * len(told & asked & held[index])
        return found, told_there, len(asked & held[index]), -index

    best = max(range(len(passages)), key=fit)
    passage = passages[best]
    missing = tuple(claim for claim in made if not any(is_in(claim, one.text) for one in passages))
    quote = best_sentence(passage.text, told | asked, told - asked, language)
    for line in lines_of(passage) if is_log(passage.text) else ():
        if " ".join(line.text.split()) == quote:
            passage = replace(passage, location=line.location)
            break
    folded, source = fold(sentence), fold(passage.text)
    if missing:
        verdict: Verdict = "not found"
    elif len(folded.split()) >= QUOTED_WORDS and folded in source:
        verdict = "quoted"
    else:
        verdict = "supported"
    return Citation(sentence, verdict, passage, quote, missing)


def claims(sentence: str, known: str = "") -> list[str]:
    """Return the names and numbers of a sentence that are not known from a question or a title, in order, each once.

    Names are known by their capital letters, inside of a sentence, in German by two such words together; small numbers
    are left out.
    """
    numbers = [match for match in CLAIMED.findall(sentence) if not (match.isdigit() and int(match) <= SMALL)]
    names = [word for word in INSIDE.findall(sentence) if word[0].isupper()]
    if detect_language(sentence) in NOUNS_ARE_CAPITAL:
        pairs = [pair for pair in pairwise(WORD.findall(sentence)) if pair[0] in names and pair[1] in names]
        names = [name for pair in pairs for name in pair]
    found = dict.fromkeys([*names, *numbers])
    before = fold(known)
    return [claim for claim in found if fold(claim) not in before]


def is_in(claim: str, text: str) -> bool:
    """Return whether a name or number stands in a text; thousands may be set apart in any way, a number may be the
    beginning of a longer one ("2015" of "2015/16", "3" of "3.5"), and a month be cut short or a number.
    """
    return any(stands_in(one, text) for one in spellings(claim))


def stands_in(claim: str, text: str) -> bool:
    """The same for one spelling."""
    if claim[0].isdigit():
        digits = re.sub(r"\D", "", claim)
        begins = re.compile(rf"{re.escape(claim)}(?!\d|{THOUSANDS.pattern})")  # 18 is not the beginning of 18,206
        return any(digits == re.sub(r"\D", "", other) or begins.match(other) for other in NUMBER.findall(text))
    folded = fold(text)
    return all(word in folded or word.rstrip("s") in folded for word in fold(claim).split())


def best_sentence(text: str, wanted: set[str], telling: set[str], language: str) -> str:
    """Return the sentence of a passage, or the line of a log, with most of the wanted stems; those of `telling` count
    twice.
    """
    units: list[str] = []
    for sentence in text.splitlines() if is_log(text) else split_sentences(text, language):
        lines = sentence.splitlines()
        named = [NAMED.match(line) is not None for line in lines]
        rows = all(named) or (len(sentence) > LONGEST_QUOTE and (any(named) or APART.search(sentence)))
        units += [line.rstrip("; ") for line in lines] if rows else [sentence]
    sentences = [" ".join(unit.split()) for unit in units if any(map(str.isalnum, unit))] or [text]

    def overlap(sentence: str) -> float:
        own = set(stems(sentence, language))
        return len(own & wanted) + len(own & telling) - 0.02 * len(own)

    best = max(sentences, key=overlap)
    return best if len(best) <= LONGEST_QUOTE else window(best, telling or wanted, language)


def window(sentence: str, wanted: set[str], language: str) -> str:
    """Return the part of a long sentence around the wanted words."""
    words = sentence.split(" ")
    hits = [place for place, word in enumerate(words) if set(stems(word, language)) & wanted]
    middle = hits[len(hits) // 2] if hits else 0
    first = last = middle
    while True:
        longer = " ".join(words[max(0, first - 1) : last + 2])
        if len(longer) > LONGEST_QUOTE - 8 or (first == 0 and last >= len(words) - 1):
            break
        first, last = max(0, first - 1), min(len(words) - 1, last + 1)
    part = " ".join(words[first : last + 1])
    kept = part[: LONGEST_QUOTE - 8]
    return f"{'... ' if first else ''}{kept}{' ...' if last < len(words) - 1 or kept != part else ''}"


def fold(text: str) -> str:
    """Return the words of a text in lowercase with one space between them."""
    return " ".join(words_of(text))
