"""Scores of a summary: what it tells of a document, in what order, and what it invents and repeats. Pure functions."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import combinations
from typing import Annotated

from pydantic import Field

from freqkv_cli.answering.verification import claims, is_in
from freqkv_cli.evaluation.question_file import FLAGS, Expression
from freqkv_cli.retrieval.language import words_of

NEAR = 0.8  # share of words in common from which two sentences say the same
SAME_RUN = 9  # words in a row from which a sentence repeats a part of another
SHORTEST_REPEAT = 4  # words; shorter sentences may well recur


@dataclass(frozen=True, slots=True)
class Topic:
    """Something that stands in `tenth` (1 to 10) of a document; a summary that matches `expression` mentions it."""

    tenth: int
    expression: Annotated[Expression, Field(alias="a")]


def mentioned(topics: Sequence[Topic], sentences: Sequence[str]) -> list[tuple[Topic, int]]:
    """Return the topics that the sentences mention, each with the number of the first one to do so.

    Sentences behind the first one count before that, which tells of the whole.
    """
    found = []
    for topic in topics:
        hits = [number for number, sentence in enumerate(sentences) if re.search(topic.expression, sentence, FLAGS)]
        if hits:
            found.append((topic, next((number for number in hits if number), 0)))
        elif re.search(topic.expression, " ".join(sentences), FLAGS):  # over several sentences
            found.append((topic, len(sentences) - 1))
    return found


def order(found: Sequence[tuple[Topic, int]]) -> float | None:
    """Return Kendall's tau (gamma, as ties do not count) of the tenths of topics and the sentences that mention them:
    1 in the order of the document, -1 in the opposite; None where there is nothing to compare.
    """
    signs = [
        (one.tenth - other.tenth) * (place - later)
        for (one, place), (other, later) in combinations(found, 2)
        if one.tenth != other.tenth and place != later
    ]
    return sum(1 if sign > 0 else -1 for sign in signs) / len(signs) if signs else None


def own_sentences(sentences: Sequence[str], document: str) -> int:
    """Return how many sentences do not stand in the document word for word."""
    source = f" {' '.join(words_of(document))} "
    return sum(f" {' '.join(words_of(sentence))} " not in source for sentence in sentences)


def invented(sentences: Sequence[str], document: str) -> list[str]:
    """Return the names and numbers that sentences claim, as an answer's are checked, and that the document has nowhere.

    Unlike a passage, a whole document has nearly every short name inside of some word: names are looked up as words.
    """
    known = set(words_of(document))

    def stands(claim: str) -> bool:
        if claim[0].isdigit():
            return is_in(claim, document)
        return all(word in known or word.rstrip("s") in known for word in words_of(claim) if len(word) > 1)

    return [claim for sentence in sentences for claim in claims(sentence) if not stands(claim)]


def repeated(sentences: Sequence[str]) -> list[str]:
    """Return the sentences that say again what an earlier one said, in the same words, nearly so, or in part."""
    again: list[str] = []
    earlier: list[list[str]] = []
    for sentence in sentences:
        spoken = words_of(sentence)
        if len(spoken) < SHORTEST_REPEAT:
            continue
        if any(alike(spoken, other) for other in earlier):
            again.append(sentence)
        earlier.append(spoken)
    return again


def alike(one: list[str], other: list[str]) -> bool:
    """Whether two sentences share nearly all their words, in order, or a long run of them."""
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return matcher.ratio() >= NEAR or matcher.find_longest_match().size >= SAME_RUN
