"""Scores of a summary: what it reaches of a document, what it invents and repeats, and how it ends. Pure functions."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Any

from freqkv_cli.evaluation.prose import names, sentences, words

STRETCHES = 10
TELLING_SPREAD = 3  # a name that occurs in more tenths than this says little about any of them
NEAR = 0.8  # share of words in common from which two sentences say the same
SAME_RUN = 9  # words in a row from which a sentence repeats a part of another
SHORTEST_REPEAT = 4  # words; shorter sentences may well recur
COMMON_HEADING = frozenset("chapter section part appendix book volume contents index introduction preface".split())  # noqa: SIM905
CHAT = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"^(?:sure|certainly|of course|absolutely|okay)\b[,!.]",
        r"\bhere(?:'s|\u2019s| is| are) (?:a|an|the|my|your|some) (?:\w+ ){0,3}(?:summary|overview|notes?|answer)\b",
        r"\b(?:i hope (?:this|that)|let me know|feel free to|would you like|happy to help)\b",
        r"\bas an ai\b|\blanguage model\b",
        r"^(?:write|give) (?:a|me|the) (?:\w+ )?summary\b|\bin about \d+ words\b",
    )
)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A tenth of a document: all names in it, those found in few other tenths, and the headings that begin in it."""

    names: frozenset[str]
    telling: frozenset[str]
    headings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reach:
    """What of a tenth is mentioned. `known` counts its telling names and headings, `noted`: a note of it names it."""

    known: int
    mentioned: tuple[str, ...]
    noted: bool

    @property
    def reached(self) -> bool:
        """Whether the summary or a note says something that only this part of the document can have told it."""
        return self.noted or bool(self.mentioned)


def stretches(text: str, headings: Sequence[tuple[float, str]] = ()) -> list[Stretch]:
    """Return the tenths of a text, by characters. `headings`: share of the text before each, 0 to 1, and its title."""
    everywhere = names(text)
    edges = [round(len(text) * tenth / STRETCHES) for tenth in range(STRETCHES + 1)]
    inside = []
    for start, end in pairwise(edges):
        present = set(words(text[start:end]))
        inside.append(frozenset(name for name in everywhere if name.casefold() in present))
    return [
        Stretch(
            here,
            frozenset(name for name in here if sum(name in other for other in inside) <= TELLING_SPREAD),
            tuple(title for share, title in headings if number == min(int(share * STRETCHES), STRETCHES - 1)),
        )
        for number, here in enumerate(inside)
    ]


def reach(stretch: Stretch, number: int, text: str, notes: Sequence[dict[str, Any]]) -> Reach:
    """Return what a summary and its notes mention of tenth `number` (from 0); titles of notes do not count."""
    told = "\n".join([text, *(str(note["text"]) for note in notes)])
    told_words, plain = set(words(told)), " ".join(words(told))
    titles = [title for title in stretch.headings if set(words(title)) - COMMON_HEADING]
    mentioned = [name for name in sorted(stretch.telling) if name.casefold() in told_words]
    mentioned += [title for title in titles if f" {' '.join(words(title))} " in f" {plain} "]
    return Reach(
        len(stretch.telling) + len(titles),
        tuple(mentioned),
        any(is_about(note, number) and names_one(str(note["text"]), stretch.names) for note in notes),
    )


def is_about(note: dict[str, Any], number: int) -> bool:
    """Whether the stretch of a note (`start` and `end`, shares of the document) overlaps tenth `number` (from 0)."""
    start, end = float(note["start"]), float(note["end"])
    return start * STRETCHES < number + 1 and end * STRETCHES > number


def names_one(text: str, known: frozenset[str]) -> bool:
    """Whether a text mentions one of these names."""
    present = set(words(text))
    return any(name.casefold() in present for name in known)


def invented_names(text: str, document_words: set[str]) -> list[str]:
    """Return the names in a text that are no words of the document (`document_words`: its vocabulary)."""
    return [name for name in names(text) if not known_word(name.casefold(), document_words)]


def known_word(word: str, document_words: set[str]) -> bool:
    """Whether the document has the word, its singular, or all its parts between hyphens (but not "RAID-2" in parts)."""
    singular = word.removesuffix("s")
    return (
        word in document_words
        or singular in document_words
        or (word.replace("-", "").isalpha() and all(part in document_words for part in word.split("-")))
    )


def repeated_sentences(text: str) -> list[str]:
    """Return the sentences that say again what an earlier one said, in the same words, nearly so, or in part."""
    repeated: list[str] = []
    earlier: list[list[str]] = []
    for sentence in sentences(text):
        spoken = words(sentence)
        if len(spoken) < SHORTEST_REPEAT:
            continue
        if any(alike(spoken, other) for other in earlier):
            repeated.append(sentence)
        earlier.append(spoken)
    return repeated


def alike(one: list[str], other: list[str]) -> bool:
    """Whether two sentences share nearly all their words, in order, or a long run of them."""
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return matcher.ratio() >= NEAR or matcher.find_longest_match().size >= SAME_RUN


def is_cut_off(text: str, finish_reason: str = "stop") -> bool:
    """Whether a text ends in the middle of a sentence; a list whose items have no full stops ends anywhere."""
    ending = text.rstrip().rstrip("\"'\u201d\u2019)]*_")
    if finish_reason == "length" or not ending:
        return True
    if ending[-1] in ".!?\u2026":
        return False
    lines = [line for line in text.rstrip().splitlines() if line.strip()]
    items = [line for line in lines if re.match(r"\s*(?:[-*\u2022]|\d+[.)])\s", line)]
    unstopped = [line for line in items[:-1] if line.rstrip()[-1] not in ".!?\u2026"]
    return not (lines[-1] in items and unstopped)


def chat_phrases(text: str) -> list[str]:
    """Return the sentences that talk to the user, or repeat the instruction, instead of summarising."""
    return [sentence for sentence in sentences(text) if any(pattern.search(sentence) for pattern in CHAT)]
