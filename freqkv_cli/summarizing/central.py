"""Central sentences: those of a section that say most of what is said there more than elsewhere."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from freqkv_cli.answering.mentions import find_names, plain, singular
from freqkv_cli.retrieval.passage import Passage
from freqkv_cli.retrieval.question import STOP_WORDS, search_words
from freqkv_cli.summarizing.prose import ENDS, says_again, share_in_order, split_sentences
from freqkv_cli.summarizing.stretches import is_title

SHORTEST, LONGEST = 7, 40  # words of a sentence that is worth quoting
FULL = 15  # words from which on a sentence is not too short to say much
OPENING = 1.4  # the weight of the first sentence of a paragraph
NAMED = 1.5  # the weight of a word that is part of a name
NAMED_OFTEN = 2.0  # the same, when several sections are summed up
OFTEN, MEETING = 5, 1.5  # sentences that have a name, and the weight of one that has two such names
TOLD = 0.3  # what a word still weighs when a chosen sentence has it
WORTH = 0.2  # share of the best sentence's score below which another is not worth reading
SPREAD = 6  # words by which a sentence is taken to be longer, so that short ones do not win for being short
FOCUS = 3.0  # how much more a sentence weighs that has all words of the topic
OWN_VOICE, EXCLAIMED = 0.6, 0.5  # the weight of a sentence that says "I", and of an exclamation
PARAGRAPH = re.compile(r"\n[ \t]*\n|\n[ \t]*[\u2022*-] |\u2022 ")
SPEECH = re.compile("[\"\u201c\u201d\u201e\u00ab\u00bb\u300c\u300d]|``|''")
DANGLING = re.compile(
    r"^(?:but|and|or|so|yet|for|nor|this|that|these|those|it|its|he|she|they|his|her|hers|him|their|them|such|then"
    r"|there|thus|therefore|however|here|which|who|whom|if so|also|moreover|furthermore|indeed|otherwise|instead|again"
    r"|see)\b",
    re.IGNORECASE,
)
SELF = re.compile(r"\b(?:I|me|my|myself)\b")
PRONOUN = re.compile(r"\b(?:he|she|him|her|his|hers|they|them|their|it|its)\b", re.IGNORECASE)
PRONOUNS, LEAST_NAMED = 3.0, 0.3  # what the share of these among its words costs a sentence, and the least it keeps
DEBRIS = re.compile(r"https?:|www\.|[{}<>|\\$=_~^]|(?:\. ?){3}|[\x00-\x1f]")
FRAGMENT = 0.001  # the weight of a line of a log or a table, for texts that have nothing else
FRAGMENT_WORDS, FRAGMENT_LETTERS = 4, 0.3  # that such a line must have, and the share of letters in it
GLUED = re.compile(  # an item of a list without a full stop, and the sentence after it
    r"[a-z)\]] (?:An?|As|At|By|For|From|He|If|In|It|On|She|The|These|They|This|To|We|When|Where|Which|With|Your?) "
)
SHORT_LINE, SHORT_WORDS = 0.5, 6  # of the longest line, and words
LETTERS = 0.85  # share of letters and spaces in a sentence that is no table, list or code


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence of a section, white space folded, its passage narrowed to it, and its words of meaning."""

    text: str
    passage: Passage
    words: frozenset[str]
    weight: float = 1.0
    score: float = 0.0

    @property
    def whole(self) -> bool:
        """Whether it is a sentence at all, and not a line of a table."""
        return self.weight > FRAGMENT * OPENING

    def support(self, sentence: str) -> float:
        """Return the share of the words of `sentence` that stand here in the same order, 0 to 1."""
        return share_in_order(search_words(sentence), search_words(self.text))


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


@dataclass(frozen=True, slots=True)
class Digest:
    """What is kept of a section: its central sentences, the most central first, its words with the number of sentences
    that have them, and which of them are parts of names.
    """

    sentences: tuple[Candidate, ...]
    held: Counter[str]
    named: frozenset[str]


def digest(
    passages: Sequence[Passage], background: Background, count: int, focus: frozenset[str] = frozenset()
) -> Digest:
    """Return the digest of a section with at most `count` sentences, and add the section to `background`.

    A sentence that needs the one before it to be understood, or is speech, is taken only where there are no others, and
    none that says far less than the first.
    """
    everything = [candidate for passage in passages for candidate in candidates_of(passage)]
    if not any(candidate.whole for candidate in everything):  # a log or a table, perhaps: its lines are all there is
        everything = [one for passage in passages for line in lines_of(passage) for one in candidates_of(line)]
    background.add(everything)
    held = Counter(word for candidate in everything for word in candidate.words)
    named = frozenset(singular(word) for one in everything for _, key in find_names(one.text) for word in key.split())
    weights = weigh(held, named, background)
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
    return Digest(tuple(chosen), held, named)


def ranked(
    digests: Sequence[Digest], told: set[str], focus: frozenset[str] = frozenset()
) -> list[tuple[int, Candidate]]:
    """Return the sentences of several sections, each with the number of its section, the best for all of them first.

    Here it is what all of them speak of that counts, and who meets whom, not what is rare. `told` are words that were
    said before.
    """
    held = sum((one.held for one in digests), Counter[str]())
    named = frozenset[str]().union(*(one.named for one in digests))
    weights = {word: math.log(1 + times) * (NAMED_OFTEN if word in named else 1.0) for word, times in held.items()}
    often = {word for word in named if held[word] >= OFTEN}
    found = []
    for number, section in enumerate(digests):
        for one in section.sentences:
            meeting = MEETING if len(one.words & often) > 1 else 1.0
            score = one.weight * meeting * worth(one.words, weights, told, focus)
            found.append((number, replace(one, score=score)))
    return sorted(found, key=lambda pair: -pair[1].score)


def weigh(held: Counter[str], named: frozenset[str], background: Background) -> dict[str, float]:
    """Return the weight of each word of a text: more for what it has often, others seldom, and for names."""
    return {
        word: math.log(1 + times) * background.rarity(word) * (NAMED if word in named else 1.0)
        for word, times in held.items()
    }


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
                replace(narrowed(passage, start, paragraph, at, position), text=sentence),
                meaning(sentence),
                weight * fitness(sentence),
            )


def fitness(sentence: str) -> float:
    """Return how well a sentence stands by itself, 0 (not at all) to 1."""
    length = len(search_words(sentence))
    letters = sum(char.isalpha() or char == " " for char in sentence)
    if letters < LETTERS * len(sentence) or not ENDS.search(sentence) or DEBRIS.search(sentence):
        spelled = sum(map(str.isalpha, sentence)) >= FRAGMENT_LETTERS * len(sentence)
        return FRAGMENT if spelled and FRAGMENT_WORDS <= length <= LONGEST else 0.0
    if sentence[0].islower() or not sentence[0].isalpha() or sentence.endswith("?"):
        return FRAGMENT
    pronouns = len(PRONOUN.findall(sentence)) / max(1, length)
    whole = SHORTEST <= length <= LONGEST and sentence.count("(") == sentence.count(")")
    return (
        (min(1.0, length / FULL) if whole else 0.05)
        * (0.05 if GLUED.search(sentence) else 1.0)
        * (EXCLAIMED if sentence.endswith("!") else 1.0)
        * max(LEAST_NAMED, 1 - PRONOUNS * pronouns)
        * (0.1 if DANGLING.match(sentence) else 1.0)
        * (OWN_VOICE if SELF.search(sentence) else 1.0)
    )


def meaning(text: str) -> frozenset[str]:
    """Return the words of a text that carry meaning, in the singular."""
    return frozenset(singular(plain(word)) for word in search_words(text) if word not in STOP_WORDS)


def paragraphs(text: str) -> Iterator[tuple[int, str]]:
    """Yield the paragraphs and list items of a text with the offset of each; titles are left out.

    A short line that ends no sentence ends a paragraph: it is an item of a list, a cell of a table or a title.
    """
    short = SHORT_LINE * max(map(len, text.splitlines()), default=0)
    breaks = [(0, 0), *(match.span() for match in PARAGRAPH.finditer(text)), (len(text), len(text))]
    for (_, start), (end, _) in pairwise(breaks):
        held = start
        for line in text[start:end].splitlines(keepends=True):
            after = start + len(line)
            if is_title(line):
                if text[held:start].strip():
                    yield held, text[held:start]
                held = after
            elif (
                len(line) < short
                and len(line.split()) <= SHORT_WORDS
                and not ENDS.search(line.rstrip())
                and not text[after:end][:1].islower()
            ):
                yield held, text[held:after]
                held = after
            start = after
        if text[held:end].strip():
            yield held, text[held:end]


def lines_of(passage: Passage) -> Iterator[Passage]:
    """Yield each line of a passage as a passage."""
    for number, line in enumerate(passage.text.splitlines()):
        if line.strip():
            at = None if passage.first_line is None else passage.first_line + number
            yield replace(passage, text=line.strip(), first_line=at, last_line=at)


def narrowed(passage: Passage, start: int, paragraph: str, first: int, last: int) -> Passage:
    """Return the passage with the lines of a sentence, given its place in the paragraph with white space folded."""
    if passage.first_line is None:
        return passage
    places = [at for at, char in enumerate(paragraph) if not char.isspace()]
    flat = " ".join(paragraph.split())
    before, within = (len("".join(flat[:end].split())) for end in (first, last))
    lines = [passage.first_line + passage.text.count("\n", 0, start + places[at]) for at in (before, within - 1)]
    return replace(passage, first_line=lines[0], last_line=lines[1])
