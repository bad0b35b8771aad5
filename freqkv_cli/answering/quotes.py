"""Quotes: the sentences of found passages that say most about a question."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from freqkv_cli.retrieval.index import Hit, PassageIndex
from freqkv_cli.retrieval.passage import PARAGRAPH_END, Passage
from freqkv_cli.retrieval.question import question_words, search_words

SENTENCE = re.compile(r".+?(?:[.!?;][\"')\]_\u201d\u2019]*(?=\s+[\"'(\[_\u201c\u2018A-Z0-9]|\s*$)|\s*$)", re.DOTALL)
ABBREVIATED = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|St|Prof|Rev|Hon|Capt|Col|No|vs|e\.g|i\.e|[A-Z])\.$")
BEFORE = 0.3  # the weight of a word that stands in the sentence before
OF_PASSAGE = 0.15  # the weight of the passage's own score
WITH_ANSWER = 0.6  # the weight of holding the answer, in shares of the question
LONG, PER_WORD = 40, 0.02  # words of a long sentence, and what each further one costs


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence, white space folded, and its passage, narrowed to its lines. A larger score fits better."""

    text: str
    passage: Passage
    score: float


def best_quotes(question: str, hits: Sequence[Hit], index: PassageIndex, count: int, answer: str = "") -> list[Quote]:
    """Return at most `count` sentences of `hits`, the best first: rare words of the question in few words.

    A sentence that holds all words of `answer`, if there is one, comes before those that fit the question as well.
    """
    rarities = index.rarities(question_words(question))
    answering = set(index.stems(search_words(answer)))
    bonus = WITH_ANSWER * sum(rarities.values())
    quotes = []
    for hit in hits:
        before: set[str] = set()
        for sentence in sentences(hit.passage):
            words = search_words(sentence.text)
            stems = set(index.stems(words))
            score = sum(rarity for stem, rarity in rarities.items() if stem in stems)
            score += BEFORE * sum(rarity for stem, rarity in rarities.items() if stem in before - stems)
            if answering and answering <= stems:
                score += bonus
            score += OF_PASSAGE * hit.score - PER_WORD * max(0, len(words) - LONG)
            quotes.append(replace(sentence, score=score))
            before = stems
    return sorted(quotes, key=lambda quote: -quote.score)[:count]


def sentences(passage: Passage) -> list[Quote]:
    """Cut a passage into its sentences; what ends with an abbreviation goes on."""
    found: list[Quote] = []
    held = ""
    start = 0
    for match in SENTENCE.finditer(passage.text):
        if not held:
            start = match.start()
        held += match.group()
        if ABBREVIATED.search(held) and match.end() < len(passage.text.rstrip()):
            continue
        text = " ".join(held.split())
        if text:
            found.append(Quote(text, _lines_of(passage, start, match.end()), 0.0))
        held = ""
    return found


def first_sentence(text: str) -> str:
    """Return a text up to the end of its first sentence, or of its first paragraph, white space folded."""
    found = sentences(Passage(PARAGRAPH_END.split(text.strip(), maxsplit=1)[0], 0, 0))
    return found[0].text if found else ""


def has_second_sentence(text: str) -> bool:
    """Return whether a text that is being written has gone beyond its first sentence."""
    return len(first_sentence(text)) < len(" ".join(text.split()))


def _lines_of(passage: Passage, start: int, end: int) -> Passage:
    if passage.first_line is None:
        return passage
    while start < end and passage.text[start].isspace():
        start += 1
    first = passage.first_line + passage.text.count("\n", 0, start)
    return replace(passage, first_line=first, last_line=first + passage.text.count("\n", start, end))
