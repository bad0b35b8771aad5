"""Rates by distance, and where they fall below one half."""

from freqkv_cli.evaluation.needle_rates import AskedItem, rows


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


def test_depth_is_a_share_of_the_text() -> None:
    assert asked(64, [0])[0].as_json(400)["depth"] == 0.25
