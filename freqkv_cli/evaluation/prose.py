"""Prose: sentences, words and names of English text. Rough, and the same for a document and for its summary."""

import re
from collections import Counter
from collections.abc import Iterator

WORD = re.compile(r"[^\W\d_]+(?:[-'\u2019][^\W_]+)*")
POSSESSIVE = re.compile(r"['\u2019]s?$", re.IGNORECASE)
LINE_MARK = re.compile(r"^\s*(?:[-*\u2022]|\d+[.)]|>)\s+")
HEADING = re.compile(r"^\s*#+\s")
SENTENCE_END = re.compile(r"(?<=[.!?\u2026])[\"'\u201d\u2019)\]*_]*\s+")
ABBREVIATION = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|St|Prof|Rev|Hon|Capt|Col|No|vs|e\.g|i\.e|[A-Z])\.$")
OPENERS = "\"\u201c\u2018'([*_!?:;-\u2014"  # what stands before the first word of a sentence inside another
# Capitalised, and nobody's name.
NO_NAMES = frozenset("I I'm I'll I've I'd Mr Mrs Ms Miss Dr Sir Lady Lord O Oh".split())  # noqa: SIM905


def sentences(text: str) -> Iterator[str]:
    """Yield the sentences; a list item, a paragraph and a heading end one, a single line break does not."""
    for paragraph in re.split(r"\n\s*\n|\n(?=\s*(?:[-*\u2022]|\d+[.)]|#+)\s)", text):
        for line in paragraph.split("\n", 1) if HEADING.match(paragraph) else [paragraph]:
            held = ""
            for piece in SENTENCE_END.split(LINE_MARK.sub("", " ".join(line.split()))):
                held = f"{held} {piece}".strip()
                if held and not ABBREVIATION.search(held):
                    yield held
                    held = ""
            if held:
                yield held


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
    for sentence in sentences(text):
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
