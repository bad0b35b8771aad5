"""Numbers in words and digits."""

import pytest

from freqkv_cli.answering.numbers import find_numbers


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("ten thousand a year, or 10,000", ["10000", "10000"]),
        ("two hundred and fifty-five", ["255"]),
        ("a hundred and twenty thousand", ["120000"]),
        ("one million two hundred thousand and one", ["1200001"]),
        ("four or five thousand", ["4", "5000"]),
        ("four five six", ["4", "5", "6"]),
        ("twenty-one days; Two\nthousand; three dozen", ["21", "2000", "36"]),
        ("one of them", []),
        ("someone, tenant, often, weighty", []),
        ("version 12.18, on the 21st; 64bit; 1,5", ["12.18", "21", "64", "1,5"]),
        ("1. First\n2) Second of 3.", ["3"]),
        ("in 1993.", ["1993"]),
        ("v2 x86_64", []),
    ],
)
def test_find_numbers(text: str, numbers: list[str]) -> None:
    assert [number for _, number in find_numbers(text)] == numbers


def test_a_number_is_given_as_it_is_written() -> None:
    assert list(find_numbers("He has Ten thousand.")) == [("Ten thousand", "10000")]
