"""The words and numbers that a document has, against names that a summary makes up."""

import re

from freqkv_cli.answering.mentions import NO_NAMES, TITLES, find_names, is_capital, name_words, plain, singular
from freqkv_cli.answering.numbers import find_numbers

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


def unknown_words(text: str, vocabulary: Vocabulary, *, capitals: bool = True) -> list[str]:
    """Return the numbers and the words with a capital that the document does not have, the first of a sentence too.

    Stricter than `invented_names`: for sentences that are dropped at the least doubt. Without `capitals` numbers alone
    are looked up, for languages that write all nouns with one.
    """
    written = WORD.findall(text) if capitals else []
    names = [word for word in written if is_capital(word) and plain(word) not in NO_NAMES | TITLES]
    numbers = [number for number, _ in find_numbers(text)]
    return [found for found in dict.fromkeys([*names, *numbers]) if not vocabulary.contains(found)]
