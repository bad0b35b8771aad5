"""The words of a question that are looked for."""

import pytest

from freqkv_cli.retrieval.question import question_words


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("What is the first name of Mr. Darcy's sister?", ["mr", "darcy", "sister"]),
        ("What is the estate called at the beginning of the story?", ["estate"]),
        ("To be or not to be?", ["to", "be", "or", "not"]),
        ("What is the name of this book?", ["book"]),
        ("Wo wohnt Herr Müller? Wo?", ["wo", "wohnt", "herr", "müller"]),
        ("Where is dpkg-source's foo_bar?", ["dpkg", "source", "foo", "bar"]),
        ("東京は?", ["東", "京", "は"]),
        ("?!", []),
    ],
)
def test_question_words(question: str, words: list[str]) -> None:
    assert question_words(question) == words
