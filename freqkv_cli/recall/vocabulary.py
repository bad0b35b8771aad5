"""The words and numbers that a document has, against names that a summary makes up."""

import re

from freqkv_cli.recall.mentions import find_names, name_words, plain, singular
from freqkv_cli.recall.numbers import find_numbers

WORD = re.compile(r"[^\W\d_][^\W_]*(?:['\u2019][^\W_]+)?")


class Vocabulary:
    """The distinct words and numbers of a document, gathered while it is read; memory grows with their number only."""

    def __init__(self) -> None:
        self._words: set[str] = set()
        self._numbers: set[str] = set()

    def add(self, text: str) -> None:
        """Take in a piece of the document that begins and ends between words."""
        self._words.update(singular(plain(word)) for word in set(WORD.findall(text)))
        self._numbers.update(number for _, number in find_numbers(text))

    def contains(self, name: str) -> bool:
        """Return whether the document has every word of a name, or the number, in any spelling and case."""
        numbers = [number for _, number in find_numbers(name)]
        words = name_words(name).split()
        return all(number in self._numbers for number in numbers) and (
            bool(numbers) or all(word in self._words for word in words)
        )


def invented_names(text: str, vocabulary: Vocabulary) -> list[str]:
    """Return the names in `text` of which a word does not occur in the document, each once, in order."""
    return list(dict.fromkeys(name for name, _ in find_names(text) if not vocabulary.contains(name)))
