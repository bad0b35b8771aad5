"""Grounding: whether a sentence that a model wrote is what the text says.

Words can be right and the sentence wrong: "Mrs. Thorpe was delighted" where Catherine was. So by default a sentence is
kept only if one sentence of the text says it in nearly the same words, in the same order, names and numbers included.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from freqkv_cli.answering.mentions import find_names, name_words, plain, singular
from freqkv_cli.answering.numbers import find_numbers
from freqkv_cli.retrieval.question import STOP_WORDS, search_words
from freqkv_cli.retrieval.vocabulary import Vocabulary
from freqkv_cli.summarizing.prose import split_sentences

Rule = Literal["words", "names"]

SAME = 0.9  # share of a sentence's words that one sentence of the text has in the same order
LEFT_OUT = 0.4  # a sentence that keeps less than this of what it shortens has lost its sense
ADDED = 0.8  # share of the words that an answer adds to its question that one sentence of the text has
SHARED = 0.5  # share of the words with a meaning of their own, where only names and numbers are looked up
NEGATIONS = frozenset("not no never none nor neither nobody nothing hardly scarcely without t".split())  # noqa: SIM905


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
        return cls(
            tuple(sentence for text in texts for sentence in split_sentences(" ".join(text.split()))), vocabulary
        )

    def hold(self, sentence: str, rule: Rule) -> bool:
        """Return whether the text says `sentence`."""
        if not all(self.vocabulary.contains(name) for name in named(sentence)):
            return False
        if rule == "words":
            return any(says(source, sentence) for source in self.sentences)
        words = meant(sentence)
        known = {word for source in self.sentences for word in meant(source)}
        return bool(words) and len(words & known) >= SHARED * len(words)

    def answer(self, question: str, answer: str) -> bool:
        """Return whether one sentence of the text says what an answer says."""
        return any(answers(source, question, answer) for source in self.sentences)


def says(source: str, sentence: str) -> bool:
    """Return whether `source` says the sentence in nearly these words, in order, with its names, numbers and "not"s."""
    said, there = ([singular(word) for word in search_words(text)] for text in (sentence, source))
    if not said or len(said) < LEFT_OUT * len(there) or NEGATIONS & (set(said) ^ set(there)):
        return False
    blocks = SequenceMatcher(None, said, there, autojunk=False).get_matching_blocks()
    kept = {at for block in blocks for at in range(block.a, block.a + block.size)}
    fixed = {singular(word) for name in named(sentence) for word in search_words(name)}
    return len(kept) >= SAME * len(said) and all(at in kept for at, word in enumerate(said) if word in fixed)


def answers(source: str, question: str, answer: str) -> bool:
    """Return whether `source` says what an answer adds to its question, and speaks of what the question is about.

    An answer that adds nothing says nothing; a "not" must be there as well, and a name as it is.
    """
    asked, said, there = meant(question), meant(answer), meant(source)
    added = said - asked
    negated = NEGATIONS & set(search_words(answer)) - set(search_words(question)) - set(search_words(source))
    known = name_words(question), name_words(source)
    return (
        bool(added)
        and not negated
        and all(any(name in text for text in known) for _, name in find_names(answer))
        and len(added & there) >= ADDED * len(added)
        and len(said & asked & there) >= SHARED * len(said & asked)
    )


def named(sentence: str) -> list[str]:
    """Return the names and numbers of a sentence, as it writes them."""
    return [name for name, _ in find_names(sentence)] + [number for number, _ in find_numbers(sentence)]


def meant(sentence: str) -> set[str]:
    """Return the words of a sentence that have a meaning of their own, in the singular."""
    return {singular(plain(word)) for word in search_words(sentence) if word not in STOP_WORDS}
