"""Prose: what a model wrote, made fit to be printed: whole sentences, none twice, none that talks to the user."""

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from freqkv_cli.retrieval.passage import ABBREVIATION, SENTENCE_END
from freqkv_cli.retrieval.question import search_words

LINE_MARK = re.compile(r"^\s*(?:[-*\u2022>]|\d{1,2}[.)]|#+)\s+")
LINE_BREAK = re.compile(r"\n\s*\n|\n(?=\s*(?:[-*\u2022>]|\d{1,2}[.)]|#+)\s)")
ENDS = re.compile(r"[.!?\u2026\u3002\uff01\uff1f][\"'\u201d\u2019)\]_*\u300d\u300f]*$")
CHAT = re.compile(
    r"^(?:sure|certainly|of course|absolutely|okay|great)\b[,!.]"
    r"|\bhere(?:'s|\u2019s| is| are) (?:a|an|the|my|your|some|one)\b"
    r"|\b(?:i hope|i'm sorry|i am sorry|i cannot|i can't|let me know|feel free|would you like|happy to help)\b"
    r"|\blanguage model\b|\bas an ai\b"
    r"|^(?:in )?(?:the|this|these) (?:given |above )?(?:passage|section|note|sentence|summary)s?\b"
    r"|^the (?:original|revised|rewritten) |\bin about \d+ words\b",
    re.IGNORECASE,
)
NEAR = 0.75  # share of words in common, in order, from which two sentences say the same
SAME_RUN = 8  # words in a row from which a sentence repeats a part of another
ECHO = 0.7  # share of words in common with the request


def whole_sentences(text: str) -> list[str]:
    """Return the finished sentences of a text without the marks of lists; what has no end is left out."""
    found = []
    for line in LINE_BREAK.split(text):
        line = LINE_MARK.sub("", " ".join(line.split())).strip("*_ ")
        found += [sentence for sentence in split_sentences(line) if ENDS.search(sentence)]
    return [stripped for sentence in found if (stripped := without_quotes(sentence))]


def split_sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a paragraph, the last one whether it is finished or not; none begins in lower case."""
    start = 0
    for match in SENTENCE_END.finditer(text):
        goes_on = text[match.end() : match.end() + 1].islower()
        if not goes_on and not ABBREVIATION.search(text, max(0, match.end() - 12), match.end()):
            yield text[start : match.end()].strip()
            start = match.end()
    if text[start:].strip():
        yield text[start:].strip()


def without_quotes(sentence: str) -> str:
    """Return a sentence without quotation marks that enclose all of it, or that have no partner."""
    bare = sentence.strip('"\u201c\u201d')
    return bare if sum(sentence.count(mark) for mark in '"\u201c\u201d') - len(sentence) + len(bare) == 0 else sentence


def is_chat(sentence: str) -> bool:
    """Return whether a sentence talks to the user, or about the text as a text, instead of saying what it says."""
    return CHAT.search(sentence) is not None


def is_echo(sentence: str, instruction: str) -> bool:
    """Return whether a sentence says the instruction again."""
    said = search_words(sentence)
    return bool(said) and share_in_order(said, search_words(instruction)) >= ECHO


def says_again(sentence: str, earlier: Sequence[str]) -> bool:
    """Return whether one of the earlier sentences said the same, nearly so, or a long part of it."""
    said = search_words(sentence)
    return any(alike(said, search_words(other)) for other in earlier)


def alike(one: list[str], other: list[str]) -> bool:
    """Return whether two sentences share most of their words, in order, or a long run of them."""
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return matcher.ratio() >= NEAR or matcher.find_longest_match().size >= SAME_RUN


def share_in_order(words: Sequence[str], others: Sequence[str]) -> float:
    """Return the share of `words` that stand among `others` in the same order, 0 to 1."""
    blocks = SequenceMatcher(None, words, others, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks) / max(1, len(words))
