"""Facts to be recalled, and the text that holds them.

| kind | the fact | asked for |
|---|---|---|
| passkey | one number, near the start of the text | `The pass key is` |
| pairs | a number for each of many things, spread over the text | `The code of the red box is` |
| cloze | a name that stands once in the text itself | the words before it |
"""

import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from freqkv_cli.answering.verification import claims
from freqkv_cli.reading.prompt import encode_text
from freqkv_cli.retrieval.sentences import clean_sentences

KINDS = ("passkey", "pairs", "cloze")
COLOURS = ("red", "green", "blue", "white", "black", "brown", "yellow", "golden", "silver", "purple", "grey", "orange")
THINGS = ("door", "box", "chest", "desk", "house", "gate", "tower", "boat", "drawer", "locker", "bridge", "garden")
OTHERS = 7  # wrong answers of the same kind beside each right one
CUE_WORDS = (5, 12)  # words before a name in a cloze: at least, at most
PASSKEY = "The pass key is"
PASSKEY_DEPTH = 1 / 32  # of the text


@dataclass(frozen=True, slots=True)
class Item:
    """A fact: `answer` follows `cue`, and so might `others`; it has been read when `place` tokens have."""

    kind: str
    cue: str
    answer: str
    others: tuple[str, ...]
    place: int


@dataclass(frozen=True, slots=True)
class Quiz:
    """A text, as token ids, and the facts in it in the order of their places."""

    ids: list[int]
    items: list[Item]


@dataclass(slots=True)
class _Fact:
    """A fact before its place is known; `sentence` is put into the text after `after` tokens."""

    kind: str
    sentence: str
    cue: str
    answer: str
    after: int


def make_quiz(text: Iterator[str], tokenizer: Any, tokens: int, kinds: Sequence[str], count: int, seed: int) -> Quiz:
    """Return a quiz of about `tokens` tokens on the sentences of `text`, with at most `count` facts of a kind.

    The same arguments make the same quiz. Kinds that the text has nothing for are missing.
    """
    source = random.Random(seed)
    waiting = sorted(_made_up(tokens, kinds, count, source), key=lambda fact: fact.after)
    ids: list[int] = []
    told: list[tuple[_Fact, int]] = []
    read: list[tuple[str, int]] = []  # sentences of the text itself, and where they end
    for sentence in text:
        while waiting and len(ids) >= waiting[0].after:
            fact = waiting.pop(0)
            ids += encode_text(tokenizer, f" {fact.sentence}")
            told.append((fact, len(ids)))
        if len(ids) >= tokens:
            break
        ids += encode_text(tokenizer, f" {sentence}")
        read.append((sentence, len(ids)))
    items = [Item(fact.kind, fact.cue, fact.answer, _numbers(told, fact, source), place) for fact, place in told]
    if "cloze" in kinds:
        items += _cloze(read, count, source)
    return Quiz(ids, sorted(items, key=lambda item: item.place))


def document_sentences(pages: Iterator[str]) -> Iterator[str]:
    """Yield the sentences of a document, page by page."""
    for page in pages:
        yield from clean_sentences(page)


def _made_up(tokens: int, kinds: Sequence[str], count: int, source: random.Random) -> Iterator[_Fact]:
    if "passkey" in kinds:
        number = _number(source)
        yield _Fact("passkey", f"{PASSKEY} {number}. Remember it.", PASSKEY, f" {number}", int(PASSKEY_DEPTH * tokens))
    if "pairs" in kinds:
        things = [f"{colour} {thing}" for colour in COLOURS for thing in THINGS]
        for place, thing in enumerate(source.sample(things, min(count, len(things)))):
            cue, number = f"The code of the {thing} is", _number(source)
            yield _Fact("pairs", f"{cue} {number}.", cue, f" {number}", int((place + 0.5) / count * tokens))


def _number(source: random.Random) -> str:
    return str(source.randrange(10_000, 100_000))


def _numbers(told: Sequence[tuple[_Fact, int]], fact: _Fact, source: random.Random) -> tuple[str, ...]:
    """The answers to other questions, as far as there are any, and numbers that stand nowhere."""
    known = [other.answer for other, _ in told if other.answer != fact.answer]
    others = source.sample(known, min(OTHERS, len(known)))
    while len(others) < OTHERS:
        others.append(f" {_number(source)}")
    return tuple(others)


def _cloze(read: Sequence[tuple[str, int]], count: int, source: random.Random) -> Iterator[Item]:
    """Names that stand in the text once, inside a sentence with enough words before them; evenly spread."""
    known = Counter(claim for sentence, _ in read for claim in claims(sentence) if claim[0].isalpha())
    once = sorted(name for name, number in known.items() if number == 1)  # the same order in every process
    found: list[tuple[str, str, int]] = []
    for sentence, place in read:
        for name in once:
            match = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", sentence)
            before = sentence[: match.start()] if match else ""
            if before.endswith(" ") and len(before.split()) >= CUE_WORDS[0]:
                found.append((" ".join(before.split()[-CUE_WORDS[1] :]), name, place))
                once.remove(name)
                break
    step = max(1, len(found) // count)
    for cue, name, place in found[::step][:count]:
        pool = sorted(set(known) - {name})
        others = source.sample(pool, min(OTHERS, len(pool)))
        yield Item("cloze", cue, f" {name}", tuple(f" {other}" for other in others), place)
