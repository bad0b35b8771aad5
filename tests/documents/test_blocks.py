"""Blocks join to the same text and are cut only where a tokenizer does not notice."""

import itertools
import random
import re
from collections.abc import Iterator

import pytest

from freqkv_cli.documents.blocks import LIMIT, TARGET, cut_blocks


def pieces(text: str, seed: int) -> Iterator[str]:
    """The text in pieces of random length, as a file would give them."""
    generator = random.Random(seed)
    while text:
        length = generator.choice([1, 7, 1000, 65536, 1 << 20])
        yield text[:length]
        text = text[length:]


def prose(seed: int, separators: tuple[str, ...], words: int = 40_000) -> str:
    generator = random.Random(seed)
    return "".join("x" * generator.randint(1, 9) + generator.choice(separators) for _ in range(words))


@pytest.mark.parametrize("separators", [(" ", "\n", "\n\n"), (" ", "  ", " \n\n"), ("\n\n", "\n  "), ("",)])
def test_blocks_join_to_the_whole(separators: tuple[str, ...]) -> None:
    text = prose(1, separators)
    blocks = list(cut_blocks([text]))
    assert "".join(blocks) == text
    assert len(blocks) > 2
    assert max(map(len, blocks)) <= LIMIT
    assert all(blocks)


def test_cuts_do_not_depend_on_how_the_text_arrives() -> None:
    text = prose(2, (" ", "\n", "\n\n", " \n"))
    assert list(cut_blocks([text])) == list(cut_blocks(pieces(text, 3))) == list(cut_blocks(pieces(text, 4)))


def test_a_cut_is_after_a_lone_newline() -> None:
    blocks = list(cut_blocks([prose(5, (" ", "\n", "\n\n", " \n", "\n "))]))
    for left, right in itertools.pairwise(blocks):
        assert re.search(r"\S\n\Z", left)
        assert re.match(r"\S", right)
        assert TARGET <= len(left) <= 2 * TARGET


def test_without_newlines_a_cut_is_before_a_lone_space() -> None:
    blocks = list(cut_blocks([prose(6, (" ", "  ", "\n\n"))]))
    for left, right in itertools.pairwise(blocks):
        assert re.search(r"\S\Z", left)
        assert re.match(r" \S", right)


def test_a_huge_line_is_cut_hard() -> None:
    assert [len(block) for block in cut_blocks(["x" * (2 * LIMIT + 5)])] == [LIMIT, LIMIT, 5]


def test_a_short_text_is_one_block_and_no_text_is_none() -> None:
    assert list(cut_blocks(["a\n", "b"])) == ["a\nb"]
    assert list(cut_blocks([])) == list(cut_blocks([""])) == []
