"""Words and names of small texts."""

from freqkv_cli.evaluation.prose import names, words


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
