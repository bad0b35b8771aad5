"""Verdicts: whether an answer is right, whether it was refused, and whether what it cites stands where it says."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from freqkv_cli.evaluation.prose import sentences
from freqkv_cli.evaluation.question_file import Question

Verdict = Literal["right", "wrong", "not found"]

_TEXT = r"(?:document|text|passages?|excerpts?|book|novel|story|manual|guide|page|context|article|chapter|material)s?"
REFUSALS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\bnot (?:\w+ )?(?:mentioned|stated|specified|given|found|provided|named|said|described|included|contained)"
        rf"\b[^.]*\b(?:in|by|from) (?:the|this|your|any of the) (?:\w+ ){{0,2}}{_TEXT}\b",
        rf"\b(?:the|this) (?:\w+ ){{0,2}}{_TEXT} (?:above )?(?:does not|do not|doesn't|don't|did not|never)"
        r" (?:\w+ )?(?:say|mention|state|specify|give|provide|name|tell|contain|include|describe|answer|explain)",
        r"\b(?:there is|i found|i find|i see|contains?|has|gives?|provides?) no "
        r"(?:\w+ ){0,2}(?:information|mention|answer|indication|statement|record)\b",
        r"\b(?:i|we) (?:do not|don't|cannot|can't|could not|couldn't|am unable to|was unable to) "
        r"(?:know|find|answer|tell|determine|say|see)\b",
        r"^\W*(?:not found|not in the document|unknown|no answer)\b",
        r"\b(?:it is|it's) (?:not (?:clear|known|possible to)|unclear|unknown)\b",
        r"\b(?:it|but|and|which) (?:does not|doesn't) (?:\w+ )?(?:specify|say|mention|state|provide|tell)\b",
        r"\bno (?:\w+ ){0,2}(?:information|details?|mention) (?:is|are|about)\b",
        r"\b(?:cannot|can't|could not) be (?:found|determined|answered)\b",
    )
)
NEGATION = re.compile(
    r"(?:\b(?:not|never|nor|without|rather than|instead of)\b|n['\u2019]t\b)(?:(?!\bbut\b|\bonly\b)[^.,;:!?])*$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Citation:
    """What an answer cites: the words, and the page, part, or first and last line where it says they stand."""

    quote: str
    page: int | None = None
    part: int | None = None
    lines: tuple[int, int] | None = None
    verified: bool = False


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """One answer of one method. `not_found`: it said that the document holds no answer. `passages`: what it re-read."""

    text: str
    seconds: float = 0.0
    not_found: bool = False
    citations: tuple[Citation, ...] = ()
    passages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scored:
    """A record with its question, its method and its verdict.

    `passage_reached` is None where it means nothing: nothing was re-read, or there is no answer to reach.
    `citations_standing` counts the citations whose words stand where they are said to.
    """

    document: str
    method: str
    question: Question
    record: AnswerRecord
    verdict: Verdict
    passage_reached: bool | None = None
    citations_standing: int = 0


def judge(question: Question, record: AnswerRecord) -> Verdict:
    """Return the verdict on an answer.

    It is "not found" when the tool says so, when its first sentence does and holds no right answer, and when any other
    sentence does and none holds one. Whatever else is said about what is not in the document is wrong.
    """
    first = next(sentences(record.text), "")
    if record.not_found or (says_not_found(first) and not affirms(question.answer, first)):
        return "not found"
    if affirms(question.answer, record.text):
        return "right"
    return "not found" if says_not_found(record.text) else "wrong"


def affirms(answer: str | None, text: str) -> bool:
    """Whether the expression matches somewhere but behind a "not" of the same clause ("in Bath, not in Fullerton")."""
    if answer is None:
        return False
    matches = re.finditer(answer, text, re.IGNORECASE)
    return any(not NEGATION.search(text, 0, match.start()) for match in matches)


def says_not_found(text: str) -> bool:
    """Whether an answer says that the document does not tell."""
    plain = text.replace("\u2019", "'")
    return any(pattern.search(plain) for pattern in REFUSALS)


def passage_reached(question: Question, record: AnswerRecord) -> bool | None:
    """Whether the passage with the answer is among those re-read; None when there is none to reach or none was read."""
    if question.passage is None or not record.passages:
        return None
    pattern = re.compile(question.passage, re.IGNORECASE)
    return any(pattern.search(_plain(passage)) for passage in record.passages)


def score(
    document: str, method: str, question: Question, record: AnswerRecord, text_at: Callable[[Citation], str]
) -> Scored:
    """Return the record with its verdict; `text_at` gives the text of the place that a citation names."""
    standing = sum(stands_there(citation.quote, text_at(citation)) for citation in record.citations)
    verdict = judge(question, record)
    return Scored(document, method, question, record, verdict, passage_reached(question, record), standing)


def stands_there(quote: str, text: str) -> bool:
    """Whether the cited words are in `text`, but for case, white space, quotation marks and hyphens at line ends."""
    words = _folded(quote)
    return bool(words) and words in _folded(text)


def _folded(text: str) -> str:
    unbroken = re.sub(r"[-\u00ad]\s+", "", text)  # a quote has its white space folded, and so no ends of lines
    kept = re.sub(r"[^\w\s]", "", unicodedata.normalize("NFKC", unbroken))
    return _plain(kept).casefold().strip()


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text)
