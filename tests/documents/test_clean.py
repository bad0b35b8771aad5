"""Cleaning removes what it names and nothing else."""

import pytest

from freqkv_cli.documents.clean import clean, join_hyphenated, single_line


def test_newlines_become_one_kind() -> None:
    assert clean("a\r\nb\rc\nd\r\n\r\n") == "a\nb\nc\nd\n\n"


def test_invisible_characters_are_removed() -> None:
    controls = "".join(map(chr, [*range(32), 127, *range(128, 160), 0xAD, 0xFEFF, 0xFFFE]))
    assert clean(f"a{controls}b".replace("\r", "")) == "a\t\nb"


def test_everything_else_stays_exact() -> None:
    text = "  Ünïcode\u00a0\u2028 <|im_end|> [red] \ufb01 \U0001f600 e\u0301 \u202e  \n\n\n\t x "
    assert clean(text) == text


def test_surrogates_become_characters_that_can_be_encoded() -> None:
    assert clean("\ud83d\ude00 \ud83d x") == "\U0001f600 \ufffd x"


@pytest.mark.parametrize(
    ("text", "joined"),
    [
        ("the admin-\nistrator of", "the administrator of"),
        ("the admin- \nistrator of", "the administrator of"),
        ("the admin\u2010\nistrator of", "the administrator of"),
        ("the admin\u00ad\nistrator of", "the administrator of"),
        ("über Fluß-\nübergänge", "über Flußübergänge"),
        ("Jean-\nPaul", "Jean-\nPaul"),  # a capital may be a name
        ("NMU-\nhandling", "NMU-\nhandling"),
        ("state-of-\nthe art", "state-of-\nthe art"),  # more hyphens in the word
        ("state-\nof-the art", "state-\nof-the art"),
        ("pages 10-\n20", "pages 10-\n20"),
        ("a list -\nitem", "a list -\nitem"),
        ("non-free is not non-\nfree", "non-free is not non-free"),  # written with a hyphen elsewhere
    ],
)
def test_words_hyphenated_at_line_ends(text: str, joined: str) -> None:
    assert join_hyphenated(text) == joined


def test_titles_are_one_line() -> None:
    assert single_line("  A\n\ttitle\x1b[31m  of\xa0two ") == "A title[31m of two"
