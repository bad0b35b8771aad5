"""Grounding: whether a sentence that a model wrote is what the text says.

Words can be right and the sentence wrong: "Mrs. Thorpe was delighted" where Catherine was. So by default a sentence is
kept only if one sentence of the text says it in nearly the same words, in the same order, names and numbers included.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from freqkv_cli.recall.mentions import plain, singular
from freqkv_cli.recall.prose import split_sentences
from freqkv_cli.recall.question import STOP_WORDS, search_words
from freqkv_cli.recall.vocabulary import Vocabulary

Rule = Literal["words", "names"]

SAME = 0.9  # share of a sentence's words that one sentence of the text has in the same order
SHARED = 0.5  # share of the words that carry meaning, where only names and numbers are looked up
LEFT_OUT = 0.4  # a sentence that keeps less than this of what it shortens has lost its sense


@dataclass(frozen=True, slots=True)
class Grounds:
    """Sentences of a text that a model was shown, against which what it wrote is checked."""

    sentences: tuple[str, ...]
    vocabulary: Vocabulary

    @classmethod
    def of(cls, texts: Sequence[str]) -> "Grounds":
        """Return the grounds that some texts give."""
        vocabulary = Vocabulary()
        for text in texts:
            vocabulary.add(text)
        return cls(tuple(sentence for text in texts for sentence in split_sentences(" ".join(text.split()))), vocabulary)

    def hold(self, sentence: str, rule: Rule, *, translated: bool = False) -> bool:
        """Return whether the text says `sentence`; a translated one can be checked for names and numbers alone."""
        if not all(self.vocabulary.contains(name) for name in mentions(sentence)):
            return False
        if rule == "words":
            return any(says(source, sentence) for source in self.sentences)
        return translated or self._shared(sentence) >= SHARED

    def _shared(self, sentence: str) -> float:
        words = {singular(plain(word)) for word in search_words(sentence) if word not in STOP_WORDS}
        known = {singular(plain(word)) for source in self.sentences for word in search_words(source)}
        return len(words & known) / len(words) if words else 0.0


def mentions(sentence: str) -> list[str]:
    """Return the names and numbers of a sentence; its first word counts as a name only if more of a name follows."""
    from freqkv_cli.recall.mentions import find_names
    from freqkv_cli.recall.numbers import find_numbers

    return [name for name, _ in find_names(sentence)] + [number for number, _ in find_numbers(sentence)]


def says(source: str, sentence: str) -> bool:
    """Return whether `source` says the sentence in nearly these words, in order, with every name and number."""
    said, there = [[singular(word) for word in search_words(text)] for text in (sentence, source)]
    if len(said) < LEFT_OUT * len(there) or not said:
        return False
    blocks = SequenceMatcher(None, said, there, autojunk=False).get_matching_blocks()
    kept = {at for block in blocks for at in range(block.a, block.a + block.size)}
    named = {singular(word) for name in mentions(sentence) for word in search_words(name)}
    named |= NEGATIONS & (set(said) ^ set(there))
    return len(kept) >= SAME * len(said) and not any(
        word in named and at not in kept for at, word in enumerate(said)
    ) and not (NEGATIONS & (set(there) - set(said)))


NEGATIONS = frozenset("not no never none nor neither nobody nothing hardly scarcely without t".split())  # noqa: SIM905
