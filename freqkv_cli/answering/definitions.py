"""Definitions: the sentence of a document that says who or what something is."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from freqkv_cli.answering.mentions import SENTENCE_START, TITLES
from freqkv_cli.answering.quotes import Quote, sentences
from freqkv_cli.answering.wanted import PEOPLE, Wanted, what_is_wanted
from freqkv_cli.retrieval.index import PassageIndex
from freqkv_cli.retrieval.passage import Passage
from freqkv_cli.retrieval.question import STOP_WORDS, search_words

ASKED = re.compile(
    r"\s*(?:who|what)(?:['\u2019]s| is| are| was| were)\s+(?:(?:a|an|the)\s+)?"
    r"(?P<subject>[^,?!.;]*(?:\.\s[^,?!.;]+)?)\s*[?.!]*\s*$",
    re.IGNORECASE,
)
WORDS = 5  # of a subject at most: more of them are a question of another kind
PASSAGES = 300  # that are looked through
LEAST = 2.5  # score of a sentence that says what something is
LONG, PER_WORD = 40, 0.02  # words of a long sentence, and what each further one costs
SHORT, TOO_SHORT = 6, 1.0  # words of a short one, and what that costs
FIRST = 1.0  # what the first passage that has the subject is worth more than the last
OPENING, SPOKEN, HEADED = 1.0, -0.75, 1.0  # the subject begins the sentence; the sentence is speech; it is the heading

# What follows the subject, or stands before it, and what it is worth.
AFTER = (
    (3.0, r"(?:\s*\([^)]*\))?\s+(?:is|are|was|were)\s+(?:not\s+)?(?:an?|the|one|my|his|her|our|their)\b"),
    (2.0, r"\s*,\s+(?:an?|the|who|whose|which|my|his|her|our|their|eldest|second|third|youngest|only)\b"),
    (2.0, r"\s+(?:means|refers\s+to|denotes|stands\s+for|provides|describes|defines|contains|consists\s+of|helps)\b"),
    (1.5, r"\s+(?:is|are|was|were)\s+(?!\w+(?:ed|en|ing)\b)"),  # not "was sold"
)
BEFORE = ((2.5, rf"\b(?:an?|the|my|your|his|her|our|their|'s|\u2019s)\s+(?:\w+\s+){{0,2}}(?:{PEOPLE})s?,?\s+$"),)


@dataclass(frozen=True, slots=True)
class Definition:
    """A sentence that says what something is, and the whole passage that it stands in."""

    sentence: Quote
    passage: Passage


def subject_of(question: str) -> str:
    """Return what a question wants to be told the nature of: "Mr. Collins" of "Who is Mr. Collins?"; "" of others."""
    match = ASKED.match(question)
    if match is None or what_is_wanted(question) is not Wanted.OTHER:
        return ""
    subject = " ".join(match["subject"].split())
    words = search_words(subject)
    if not words or len(words) > WORDS or (STOP_WORDS - {"of", "the"}) & set(words):
        return ""
    return "" if "of" in words and not subject.split()[0][0].isupper() else subject


def find_definition(question: str, index: PassageIndex) -> Definition | None:
    """Return the sentence of all passages that says best who or what a question asks about; None if none does."""
    subject = subject_of(question)
    named = [word for word in search_words(subject) if word not in TITLES]
    passages = index.holding(" ".join(named), PASSAGES) if named else []
    best: Definition | None = None
    written = re.compile(rf"\b{spelled(subject)}(?:s\b|\b|(?<=\.))", re.IGNORECASE)
    for number, passage in enumerate(passages):
        first = FIRST * (1 - number / len(passages))
        headed = HEADED if written.search(passage.heading or "") else 0.0
        for sentence in sentences(passage):
            worth = max(worths(sentence.text, written), default=0.0)
            if worth >= LEAST and (best is None or worth + first + headed > best.sentence.score):
                best = Definition(replace(sentence, score=worth + first + headed), passage)
    return best


def worths(sentence: str, subject: re.Pattern[str]) -> Iterator[float]:
    """Yield how well a sentence tells what each mention of the subject in it is."""
    words = len(search_words(sentence))
    cost = (
        PER_WORD * max(0, words - LONG) + (TOO_SHORT if words < SHORT else 0.0) + (2 * LEAST if "?" in sentence else 0)
    )
    for match in subject.finditer(sentence):
        after = max(
            (worth for worth, form in AFTER if re.match(form, sentence[match.end() :], re.IGNORECASE)), default=0
        )
        before = max((worth for worth, form in BEFORE if re.search(form, sentence[: match.start()])), default=0.0)
        if after or before:
            opening = (
                OPENING
                if SENTENCE_START.search(
                    sentence[: match.start()].removesuffix("The ").removesuffix("An ").removesuffix("A ")
                )
                else 0.0
            )
            spoken = SPOKEN if sentence[: match.start()].count('"') % 2 else 0.0
            yield max(after, before) + min(after, before) / 2 + opening + spoken - cost


def spelled(subject: str) -> str:
    """Return the pattern of a subject, whatever the white space between its words."""
    return r"\s+".join(re.escape(word) for word in subject.split())
