"""Sentences: the one splitter of the package."""

from sentencex import segment


def split_sentences(text: str, language: str = "en") -> list[str]:
    """Return the sentences of `text` with the white space around them: joined they are the text.

    `language` is an ISO 639-1 code; one that the library does not know is split by the rules of a related one.
    """
    return list(segment(language, text))


def clean_sentences(text: str, language: str = "en") -> list[str]:
    """Return the sentences of `text`, each on one line; pieces without a letter or digit are left out."""
    folded = (" ".join(sentence.split()) for sentence in split_sentences(text, language))
    return [sentence for sentence in folded if any(map(str.isalnum, sentence))]
