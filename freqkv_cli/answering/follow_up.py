"""Follow-ups: what to look up for a question that leans on the one before it ("And her sister?")."""

import re

from freqkv_cli.answering.mentions import find_names
from freqkv_cli.retrieval.question import question_words
from freqkv_cli.retrieval.vocabulary import Vocabulary

FEW = 3  # content words; a question with fewer of them and no name does not say what it is about
BACK = re.compile(
    r"\b(?:he|him|his|she|her|hers|it|its|they|them|their|theirs|(?:him|her|it|them)sel(?:f|ves))\b", re.IGNORECASE
)
GOES_ON = re.compile(r"\W*(?:and|but|or|so|then|(?:what|how) about)\b", re.IGNORECASE)


def leans(question: str) -> bool:
    """Return whether a question seems to need the one before it.

    It does when it goes on ("and ...", "what about ..."), has a pronoun with no name before it, or has neither a name
    nor three content words of its own.
    """
    if GOES_ON.match(question):
        return True
    if back := BACK.search(question):
        return not _names(question[: back.start()])
    return len(question_words(question)) < FEW and not _names(question)


def looked_up_for(question: str, before: str, answer: str, vocabulary: Vocabulary) -> str:
    """Return the text to look up for `question`, asked after `before` was answered with `answer`.

    A question that leans is looked up with the names of both that the document has (a small model makes some up), or
    with all of `before` where there are none.
    """
    if not leans(question):
        return question
    names = [name for name in _names(f"{before}\n{answer}") if vocabulary.contains(name)]
    return f"{' '.join(names) or before} {question}"


def _names(text: str) -> list[str]:
    """The names in a text, each once."""
    return list(dict.fromkeys(name for name, _ in find_names(text)))
