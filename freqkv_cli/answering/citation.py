"""Citations: which passage an answer rests on, and what of the answer is not found in any."""

from collections.abc import Sequence
from dataclasses import dataclass

from freqkv_cli.answering.mentions import Kind, Mention, find_mentions, letters, plain, singular
from freqkv_cli.answering.numbers import find_numbers
from freqkv_cli.retrieval.passage import Passage
from freqkv_cli.retrieval.question import question_words, search_words

ENOUGH = 0.5  # share of the words of an answer without names and numbers that its passage must hold


@dataclass(frozen=True, slots=True)
class Item:
    """A name, number or quotation of the answer, and the passage that has it, None if none has."""

    text: str
    kind: Kind
    passage: Passage | None


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found. `passage` is the one to cite, None if nothing of the answer is in any.

    `support` is the share of the answer's words, without those every text is full of, that stand in it, 0 to 1.
    """

    items: tuple[Item, ...]
    passage: Passage | None
    support: float

    @property
    def unverified(self) -> list[str]:
        """What the passages do not have, as the answer writes it."""
        return [item.text for item in self.items if item.passage is None]

    @property
    def verified(self) -> bool:
        """Whether all that can be looked up was found, or, where there is nothing, most words stand in the passage."""
        return not self.unverified and (bool(self.items) or self.support >= ENOUGH)


def check_answer(answer: str, passages: Sequence[Passage]) -> Verification:
    """Look up the names, numbers and quotations of an answer in the passages it was made from.

    The passage to cite is the one with most of these, then with most words of the answer, then the first.
    """
    mentions = find_mentions(answer)
    words = {singular(word) for word in question_words(answer)}
    sources = [Looked.at(passage) for passage in passages]
    ranked = sorted(sources, key=lambda source: (-source.count(mentions), -len(words & source.words)))
    items = tuple(
        Item(mention.text, mention.kind, next((source.passage for source in ranked if source.has(mention)), None))
        for mention in mentions
    )
    if not ranked or not (ranked[0].count(mentions) or words & ranked[0].words):
        return Verification(items, None, 0.0)
    return Verification(items, ranked[0].passage, len(words & ranked[0].words) / len(words) if words else 0.0)


@dataclass(frozen=True, slots=True)
class Looked:
    """A passage in the forms in which mentions are compared."""

    passage: Passage
    words: frozenset[str]
    numbers: frozenset[str]
    letters: str

    @classmethod
    def at(cls, passage: Passage) -> "Looked":
        """Prepare a passage; its heading counts as part of it."""
        text = f"{passage.heading or ''}\n{passage.text}"
        return cls(
            passage,
            frozenset(singular(plain(word)) for word in search_words(text)),
            frozenset(number for _, number in find_numbers(text)),
            letters(text),
        )

    def has(self, mention: Mention) -> bool:
        """Return whether the passage has all words of a name, the number, or the whole quotation."""
        if mention.kind == "name":
            return all(word in self.words for word in mention.key.split())
        if mention.kind == "number":
            return mention.key in self.numbers
        return mention.key in self.letters

    def count(self, mentions: Sequence[Mention]) -> int:
        """Return how many of the mentions the passage has."""
        return sum(self.has(mention) for mention in mentions)
