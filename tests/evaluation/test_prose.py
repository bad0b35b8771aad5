"""Sentences, words and names of small texts."""

import pytest

from freqkv_cli.evaluation.prose import names, sentences, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Mr. Bennet met Dr. J. Smith. He left.", ["Mr. Bennet met Dr. J. Smith.", "He left."]),
        ("One line\nand the next. End", ["One line and the next.", "End"]),
        ('She said "Go." Then she went.', ['She said "Go.', "Then she went."]),
        ("- first item\n- second item\n\nA paragraph.", ["first item", "second item", "A paragraph."]),
        ("# Title\nText follows.", ["# Title", "Text follows."]),
        ("Read on: it ends here", ["Read on: it ends here"]),
        ("", []),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert list(sentences(text)) == expected


def test_words_are_bare() -> None:
    assert words("Ann\u2019s dogs' bones don't well-known 42 RAID-2") == [
        "ann",
        "dogs",
        "bones",
        "don't",
        "well-known",
        "raid-2",
    ]


def test_names_are_capitals_inside_sentences() -> None:
    text = 'The Abbey is old. Ann saw Bob\u2019s dog. "Never," said Bob. Everyone in Bath knew Mr. Allen: They danced.'
    assert dict(names(text)) == {"Abbey": 1, "Bob": 2, "Bath": 1, "Allen": 1}


def test_a_word_that_is_also_an_ordinary_one_is_no_name() -> None:
    assert names("I met the General. A general came, and another general.") == {}
    assert names("She and I met Sir John") == {"John": 1}
