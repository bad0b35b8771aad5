"""Rates by distance, and where they fall below one half."""

import pytest

from freqkv_cli.evaluation.needle_figures import AskedItem, half_distance, halves, rows


def asked(distance: int, ranks: list[int], policy: str = "freqkv") -> list[AskedItem]:
    return [
        AskedItem(policy, "pairs", 100, distance, rank, rank == 0 and index == 0) for index, rank in enumerate(ranks)
    ]


def test_rates_by_distance() -> None:
    found = rows([*asked(64, [0, 0, 2]), *asked(256, [1, 3]), *asked(64, [5], "window")], 128)
    assert [(row["policy"], row["distance"], row["distance_n"]) for row in found] == [
        ("freqkv", 64, 0.5),
        ("freqkv", 256, 2.0),
        ("window", 64, 0.5),
    ]
    assert (found[0]["first"]["hits"], found[0]["first"]["total"], found[0]["exact"]["hits"]) == (2, 3, 1)
    assert found[1]["mean_rank"] == 2.0


@pytest.mark.parametrize(
    ("curve", "distance"),
    [
        ([(10, 0.4), (20, 1.0)], None),
        ([(10, 1.0), (20, 0.5)], 20),
        ([(10, 1.0), (40, 0.0)], 20.0),
        ([(10, 0.9), (20, 0.6), (40, 0.4), (80, 0.9)], 28.3),
    ],
)
def test_half_distance(curve: list[tuple[float, float]], distance: float | None) -> None:
    assert half_distance(curve) == distance


def test_halves_say_when_the_end_was_not_reached() -> None:
    found = rows([*asked(64, [0, 0]), *asked(128, [0, 3])], 128)
    (half,) = halves(found)
    assert (half["first"], half["first_beyond"]) == (128, True)
    assert (half["exact"], half["exact_beyond"]) == (128, True)
    (half,) = halves(rows([*asked(64, [0, 0]), *asked(128, [2, 3])], 128))
    assert (half["first"], half["first_beyond"]) == (90.5, False)


def test_depth_is_a_share_of_the_text() -> None:
    assert asked(64, [0])[0].as_json(400)["depth"] == 0.25
