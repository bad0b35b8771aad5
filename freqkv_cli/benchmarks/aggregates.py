"""Passes become figures: medians with their spread, by depth, and ratios between readers."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

from freqkv_cli.benchmarks.runs import Mark

# What is compared with others, and whether more of it is better.
COMPARED = {
    "prefill": ("prefill_tokens_per_second", True),
    "decode": ("decode_tokens_per_second", True),
    "first_token": ("first_token_s", False),
}


def label(depth: int) -> str:
    """Return a depth as it is typed: 2000 -> 2k, 1500 -> 1.5k, 2048 -> 2048."""
    return f"{depth / 1000:g}k" if depth >= 1000 and depth % 100 == 0 else str(depth)


def spread(values: Iterable[float | None]) -> dict[str, Any] | None:
    """Return median, least and greatest of the values that there are, and their number; None of none."""
    there = [value for value in values if value is not None]
    if not there:
        return None
    least, middle, most = (round(value, 4) for value in (min(there), median(there), max(there)))
    return {"median": middle, "min": least, "max": most, "runs": len(there)}


def reader_figures(passes: Sequence[Sequence[Mark]]) -> dict[str, Any]:
    """Return all figures of one reader at each depth that it has reached."""
    depths = sorted({mark.tokens for one in passes for mark in one})
    figures: dict[str, Any] = {
        "depths": {
            label(depth): depth_figures([mark for one in passes for mark in one if mark.tokens == depth])
            for depth in depths
        }
    }
    return {**figures, "peak_growth": peak_growth(figures, depths)}


def depth_figures(marks: Sequence[Mark]) -> dict[str, Any]:
    """Return what was measured at one depth: speeds are tokens per second, of reading from the first token on."""
    return {
        "tokens": marks[0].tokens,
        "prefill_tokens_per_second": spread(mark.tokens / mark.seconds for mark in marks if mark.seconds),
        "decode_tokens_per_second": spread(mark.writing.speed for mark in marks),
        "first_token_s": spread(mark.writing.first_token for mark in marks),
        "compression_share": spread(mark.compression / mark.seconds for mark in marks if mark.seconds),
        "slots": max(mark.slots for mark in marks),
        "cache_bytes": max(mark.cache_bytes for mark in marks),
        **{f"reading_peak_{name}": size for name, size in _largest(mark.reading_peak for mark in marks).items()},
        **{f"writing_peak_{name}": size for name, size in _largest(mark.writing_peak for mark in marks).items()},
    }


def peak(figures: Mapping[str, Any], phase: str) -> int:
    """Return the GPU's peak while `reading` or `writing` where there is a GPU, the process's otherwise; bytes."""
    return int(figures.get(f"{phase}_peak_gpu_bytes", figures[f"{phase}_peak_rss_bytes"]))


def peak_growth(figures: Mapping[str, Any], depths: Sequence[int]) -> float:
    """Return the peak while reading to the deepest depth over that of reading to the first; 1.0 is flat."""
    first, last = (peak(figures["depths"][label(depth)], "reading") for depth in (depths[0], depths[-1]))
    return round(last / first, 4)


def ratios(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, float]:
    """Return medians of ours over theirs for each depth that both reached; above 1 we are faster."""
    found: dict[str, float] = {}
    for name, (key, more_is_better) in COMPARED.items():
        for depth, own in ours["depths"].items():
            other = theirs["depths"].get(depth)
            if other and own[key] and other[key]:
                ratio = own[key]["median"] / other[key]["median"]
                found[f"{name}_{depth}"] = round(ratio if more_is_better else 1 / ratio, 3)
    return found


def _largest(peaks: Iterable[Mapping[str, int]]) -> dict[str, int]:
    largest: dict[str, int] = {}
    for peak in peaks:
        for name, size in peak.items():
            largest[name] = max(size, largest.get(name, 0))
    return largest
