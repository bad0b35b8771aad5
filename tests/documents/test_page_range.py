"""Page ranges mean what people write."""

import pytest

from freqkv_cli.documents.page_range import PageRange, compress
from freqkv_cli.errors import UsageError


@pytest.mark.parametrize(
    ("written", "numbers"),
    [
        ("3", [3]),
        ("1-3,5,8-", [1, 2, 3, 5, 8, 9, 10]),
        ("8-, 2 ,1-3", [1, 2, 3, 8, 9, 10]),  # ascending, each once
        ("10-10", [10]),
        ("1-", list(range(1, 11))),
    ],
)
def test_a_range_selects(written: str, numbers: list[int]) -> None:
    assert PageRange.parse(written).numbers(10, "a.pdf") == numbers


@pytest.mark.parametrize("written", ["", ",", "a", "1-2-3", "-3", "1,,2", "0", "0-3", "3-1", "1.5", "٣", "1" * 5000])
def test_anything_else_is_refused(written: str) -> None:
    with pytest.raises(UsageError, match="page range"):
        PageRange.parse(written)


@pytest.mark.parametrize("written", ["11", "9-11", "11-", "1-999999999"])
def test_out_of_bounds_names_the_valid_range(written: str) -> None:
    with pytest.raises(UsageError, match=r"a\.pdf has pages 1-10"):
        PageRange.parse(written).numbers(10, "a.pdf")


def test_numbers_are_compressed() -> None:
    assert compress([9, 3, 4, 5, 4]) == "3-5, 9"
    assert compress([1, 2]) == "1-2"
    assert compress([]) == ""
