"""Figures of passes that are made up here: medians, spreads, ratios, tables."""

from typing import Any

import pytest

from freqkv_cli.benchmarks.aggregates import label, peak_growth, ratios, reader_figures, spread
from freqkv_cli.benchmarks.backends import Writing
from freqkv_cli.benchmarks.runs import Mark
from freqkv_cli.benchmarks.tables import render


def played(seconds_per_token: float, *, peak: int = 1000) -> list[Mark]:
    """A reading of 1000 tokens; a tenth of its time is compression."""
    return [
        Mark(
            depth,
            seconds_per_token * depth,
            seconds_per_token * depth / 10,
            64,
            4096,
            {"rss_bytes": peak + depth},
            Writing(first_token=0.5, following=0.25, tokens=6),
            {"rss_bytes": peak + 7},
        )
        for depth in (200, 1000)
    ]


def test_depths_are_called_as_they_are_typed() -> None:
    assert [label(depth) for depth in (999, 1000, 1500, 2048, 30_000, 1_000_000)] == [
        "999",
        "1k",
        "1.5k",
        "2048",
        "30k",
        "1000k",
    ]


def test_spread_is_median_and_ends_of_what_there_is() -> None:
    assert spread([3.0, None, 1.0, 10.0]) == {"median": 3.0, "min": 1.0, "max": 10.0, "runs": 3}
    assert spread([None]) is None


def test_figures_at_a_depth_are_medians_over_the_passes() -> None:
    figures = reader_figures([played(0.01), played(0.02), played(0.04, peak=2000)])
    at = figures["depths"]["200"]
    assert at["prefill_tokens_per_second"] == {"median": 50.0, "min": 25.0, "max": 100.0, "runs": 3}
    assert at["decode_tokens_per_second"]["median"] == 20.0  # five tokens after the first in a quarter of a second
    assert at["first_token_s"]["median"] == 0.5
    assert at["compression_share"]["median"] == 0.1
    assert (at["slots"], at["cache_bytes"]) == (64, 4096)
    assert (at["reading_peak_rss_bytes"], at["writing_peak_rss_bytes"]) == (2200, 2007)


def test_growth_compares_the_deepest_depth_with_the_first() -> None:
    depths = {"4k": {"reading_peak_rss_bytes": 50}, "16k": {"reading_peak_rss_bytes": 100}}
    assert peak_growth({"depths": depths}, [4000, 16_000]) == 2.0
    depths["16k"]["reading_peak_gpu_bytes"], depths["4k"]["reading_peak_gpu_bytes"] = 101, 100
    assert peak_growth({"depths": depths}, [4000, 16_000]) == 1.01
    assert reader_figures([played(0.01)])["peak_growth"] == round(2000 / 1200, 4)


def test_an_interrupted_pass_counts_as_far_as_it_came() -> None:
    figures = reader_figures([played(0.01), played(0.02)[:1]])
    assert figures["depths"]["200"]["prefill_tokens_per_second"]["runs"] == 2
    assert figures["depths"]["1k"]["prefill_tokens_per_second"]["runs"] == 1


def test_ratios_are_above_one_where_ours_is_faster() -> None:
    ours, theirs = (reader_figures([played(pace)]) for pace in (0.01, 0.05))
    del theirs["depths"]["1k"]
    assert ratios(ours, theirs) == {"prefill_200": 5.0, "decode_200": 1.0, "first_token_200": 1.0}


@pytest.fixture
def report() -> dict[str, Any]:
    ours, theirs = (reader_figures([played(pace), played(2 * pace)]) for pace in (0.01, 0.05))
    return {
        "finish_reason": "interrupted",
        "environment": {
            "freqkv": "1",
            "torch": "2",
            "transformers": None,
            "python": "3",
            "cpu": "A processor",
            "cpu_features": ["avx2"],
            "threads": 2,
            "system": "Linux",
            "commit": None,
        },
        "model": {"id": "a model", "quantization": "none", "dtype": "float32", "device": "cpu"},
        "cache": {"cache_size": 64, "sink_tokens": 4, "retain_ratio": 0.5, "chunk": 16},
        "depths": ["200", "1k"],
        "source": {"text": [f"{number}.txt" for number in range(9)], "tokens": 1000, "seed": None},
        "memory": {"weights_bytes": 2**20, "loading_rss_bytes": 2**21, "rss_bytes_before_reading": 2**24},
        "request_tokens": 32,
        "repetitions": 2,
        "readers": {"freqkv": ours, "transformers": theirs},
        "skipped": {"full": ["1k"]},
        "rivals": {},
        "against": {"transformers": ratios(ours, theirs)},
    }


def test_the_table_says_everything(report: dict[str, Any]) -> None:
    text = render(report)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    assert rows[2][:4] == ["freqkv", "200", "75.0 (50.0-100.0)", "20.0 (20.0-20.0)"]
    assert ["freqkv / transformers", "prefill", "5.00", "5.00"] in rows
    for said in (
        "1.0 MiB of weights",
        "the deepest depth over the first: freqkv 1.667, transformers 1.667",
        "full: not at 1k",
        "0.txt, 1.txt, 2.txt, 3.txt, 4.txt, 5.txt and 3 more",
        "interrupted: figures are of the turns that there were",
        "freqkv 1, torch 2, Python 3, commit unknown",
    ):
        assert said in text
    assert text.startswith("- model: a model (none, float32, cpu)\n- cache: 64 slots")
