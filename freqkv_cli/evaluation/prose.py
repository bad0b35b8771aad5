"""Prose: words and names of a text. Rough, and the same for a document and for its summary."""

import re
from collections import Counter

from freqkv_cli.retrieval.sentences import clean_sentences

WORD = re.compile(r"[^\W\d_]+(?:[-'\u2019][^\W_]+)*")
POSSESSIVE = re.compile(r"['\u2019]s?$", re.IGNORECASE)
HEADING = re.compile(r"^\s*#+\s")
ABBREVIATION = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|St|Prof|Rev|Hon|Capt|Col|No|vs|e\.g|i\.e|[A-Z])\.$")
OPENERS = "\"\u201c\u2018'([*_!?:;-\u2014"  # what stands before the first word of a sentence inside another
# Capitalised, and nobody's name.
NO_NAMES = frozenset("I I'm I'll I've I'd Mr Mrs Ms Miss Dr Sir Lady Lord O Oh".split())  # noqa: SIM905


def words(text: str) -> list[str]:
    """Return the words of a text, lower case and without the possessive s."""
    return [bare(match.group()).casefold() for match in WORD.finditer(text)]


def vocabulary(text: str) -> set[str]:
    """Return the different words of a text, and the parts of those with hyphens."""
    found = set(words(text))
    return found.union(*(word.split("-") for word in found if "-" in word))


def bare(word: str) -> str:
    """Return a word without its possessive ending and with plain apostrophes."""
    return POSSESSIVE.sub("", word).replace("\u2019", "'")


def names(text: str) -> Counter[str]:
    """Return capitalised words that do not merely begin a sentence, and how often each stands there.

    A word that stands in lower case at least as often is no name, nor is a title or the pronoun.
    """
    capitals: Counter[str] = Counter()
    ordinary: Counter[str] = Counter()
    for sentence in clean_sentences(text):
        if HEADING.match(sentence):
            continue
        for match in WORD.finditer(sentence):
            word = bare(match.group())
            before = sentence[: match.start()].rstrip()
            opens = not before or before[-1] in OPENERS or (before[-1] == "." and not ABBREVIATION.search(before))
            if word[:1].islower():
                ordinary[word.casefold()] += 1
            elif word and not opens and word not in NO_NAMES:
                capitals[word] += 1
    return Counter({word: count for word, count in capitals.items() if count > ordinary[word.casefold()]})
