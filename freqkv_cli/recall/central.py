"""Central sentences: those of a section that say most of what is said there more than elsewhere."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from freqkv_cli.recall.mentions import find_names, plain, singular
from freqkv_cli.recall.passage import Passage
from freqkv_cli.recall.prose import ENDS, says_again, split_sentences
from freqkv_cli.recall.question import STOP_WORDS, search_words
from freqkv_cli.recall.stretches import is_title

SHORTEST, LONGEST = 7, 40  # words of a sentence that is worth quoting
OPENING = 1.4  # the weight of the first sentence of a paragraph
NAMED = 1.5  # the weight of a word that is part of a name
TOLD = 0.3  # what a word still weighs when a chosen sentence has it
WORTH = 0.2  # share of the best sentence's score below which another is not worth reading
SPREAD = 6  # words by which a sentence is taken to be longer, so that short ones do not win for being short
FOCUS = 3.0  # how much more a sentence weighs that has all words of the topic
OWN_VOICE = 0.6  # the weight of a sentence that says "I"
PARAGRAPH = re.compile(r"\n[ \t]*\n|\n[ \t]*[\u2022*-] |\u2022 ")
SPEECH = re.compile("[\"\u201c\u201d\u201e\u00ab\u00bb\u300c\u300d]|``|''")
DANGLING = re.compile(
    r"^(?:but|and|or|so|yet|for|nor|this|that|these|those|it|its|he|she|they|his|her|hers|him|their|them|such|then"
    r"|there|thus|therefore|however|here|which|who|whom|if so|also|moreover|furthermore|indeed|otherwise|instead|again"
    r"|see)\b",
    re.IGNORECASE,
)
SELF = re.compile(r"\b(?:I|me|my|myself)\b")
DEBRIS = re.compile(r"https?:|www\.|[{}<>|\\$=_~^]|(?:\. ?){3}|[\x00-\x1f]")
FRAGMENT, FRAGMENT_WORDS = 0.001, 4  # the weight of a line of a log or a table, for texts that have nothing else
LETTERS = 0.85  # share of letters and spaces in a sentence that is no table, list or code


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence of a section, white space folded, its passage narrowed to its lines, and its words of meaning."""

    text: str
    passage: Passage
    words: frozenset[str]
    weight: float = 1.0
    score: float = 0.0


@dataclass(slots=True)
class Background:
    """How many sentences of what was read so far have a word; memory grows with the vocabulary only."""

    sentences: int = 0
    holders: Counter[str] = field(default_factory=Counter)

    def add(self, candidates: Sequence[Candidate]) -> None:
        """Take in the sentences of a section."""
        self.sentences += len(candidates)
        self.holders.update(word for candidate in candidates for word in candidate.words)

    def rarity(self, word: str) -> float:
        """Return how rare a word that was read is: larger for fewer sentences that have it."""
        return math.log(1 + self.sentences / max(1, self.holders[word]))


def central_sentences(
    passages: Sequence[Passage], background: Background, count: int, focus: frozenset[str] = frozenset()
) -> list[Candidate]:
    """Return at most `count` sentences of a section, the most central first, and add the section to `background`.

    A sentence that needs the one before it to be understood, or is speech, is taken only where there are no others, and
    none that says far less than the first.
    """
    everything = [candidate for passage in passages for candidate in candidates_of(passage)]
    background.add(everything)
    held = Counter(word for candidate in everything for word in candidate.words)
    named = {singular(word) for one in everything for _, key in find_names(one.text) for word in key.split()}
    weights = {
        word: math.log(1 + times) * background.rarity(word) * (NAMED if word in named else 1.0)
        for word, times in held.items()
    }
    fit = [one for one in everything if one.weight > 0]
    chosen: list[Candidate] = []
    told: set[str] = set()
    while fit and len(chosen) < count:
        scores = [one.weight * worth(one.words, weights, told, focus) for one in fit]
        best = max(range(len(fit)), key=lambda at: (scores[at], -at))
        if chosen and scores[best] < WORTH * chosen[0].score:
            break
        candidate = replace(fit.pop(best), score=scores[best])
        if not says_again(candidate.text, [one.text for one in chosen]):
            chosen.append(candidate)
            told |= candidate.words
    return chosen


def worth(words: frozenset[str], weights: dict[str, float], told: set[str], focus: frozenset[str]) -> float:
    """Return what a sentence with these words adds to what is told already."""
    total = sum(weights[word] * (TOLD if word in told else 1.0) for word in sorted(words))
    about = len(words & focus) / len(focus) if focus else 0.0
    return total / (len(words) + SPREAD) * (1 + FOCUS * about)


def candidates_of(passage: Passage) -> Iterator[Candidate]:
    """Yield all sentences of a passage; those that are no statements by themselves weigh little, or nothing."""
    for start, paragraph in paragraphs(passage.text):
        flat = " ".join(paragraph.split())
        position, spoken = 0, False
        for sentence in split_sentences(flat):
            at = flat.index(sentence, position)
            position = at + len(sentence)
            marks = len(SPEECH.findall(sentence))
            weight = 0.01 if spoken or marks else 1.0 if at else OPENING
            spoken ^= marks % 2 == 1
            yield Candidate(
                sentence,
                narrowed(passage, start, paragraph, at, position),
                meaning(sentence),
                weight * fitness(sentence),
            )


def fitness(sentence: str) -> float:
    """Return how well a sentence stands by itself, 0 (not at all) to 1."""
    length = len(search_words(sentence))
    letters = sum(char.isalpha() or char == " " for char in sentence)
    if letters < LETTERS * len(sentence) or not ENDS.search(sentence) or DEBRIS.search(sentence):
        return FRAGMENT if FRAGMENT_WORDS <= length <= LONGEST else 0.0
    if sentence[0].islower() or not sentence[0].isalpha() or sentence.endswith("?"):
        return FRAGMENT
    whole = SHORTEST <= length <= LONGEST and sentence.count("(") == sentence.count(")")
    return (
        (1.0 if whole else 0.05)
        * (0.1 if DANGLING.match(sentence) else 1.0)
        * (OWN_VOICE if SELF.search(sentence) else 1.0)
    )


def meaning(text: str) -> frozenset[str]:
    """Return the words of a text that carry meaning, in the singular."""
    return frozenset(singular(plain(word)) for word in search_words(text) if word not in STOP_WORDS)


def paragraphs(text: str) -> Iterator[tuple[int, str]]:
    """Yield the paragraphs and list items of a text with the offset of each; titles are left out."""
    breaks = [(0, 0), *(match.span() for match in PARAGRAPH.finditer(text)), (len(text), len(text))]
    for (_, start), (end, _) in pairwise(breaks):
        held = start
        for line in text[start:end].splitlines(keepends=True):
            if is_title(line):
                if text[held:start].strip():
                    yield held, text[held:start]
                held = start + len(line)
            start += len(line)
        if text[held:end].strip():
            yield held, text[held:end]


def narrowed(passage: Passage, start: int, paragraph: str, first: int, last: int) -> Passage:
    """Return the passage with the lines of a sentence, given its place in the paragraph with white space folded."""
    if passage.first_line is None:
        return passage
    places = [at for at, char in enumerate(paragraph) if not char.isspace()]
    flat = " ".join(paragraph.split())
    before, within = (len("".join(flat[:end].split())) for end in (first, last))
    lines = [passage.first_line + passage.text.count("\n", 0, start + places[at]) for at in (before, within - 1)]
    return replace(passage, first_line=lines[0], last_line=lines[1])
