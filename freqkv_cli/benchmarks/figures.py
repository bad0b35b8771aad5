"""Passes become figures: medians with their spread, by depth, and ratios between readers."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median
from typing import Any

from freqkv_cli.benchmarks.runs import TENTHS, Pass, tenths

Passes = Sequence[Pass]


def label(depth: int) -> str:
    """Return a depth as it is typed: 2000 -> 2k, 1500 -> 1.5k, 2048 -> 2048."""
    return f"{depth / 1000:g}k" if depth >= 1000 and depth % 100 == 0 else str(depth)


def spread(values: Iterable[float | None]) -> dict[str, Any] | None:
    """Return median, least and greatest of the values that there are, and their number; None of none."""
    there = [value for value in values if value is not None]
    if not there:
        return None
    return {
        "median": round(median(there), 4),
        "min": round(min(there), 4),
        "max": round(max(there), 4),
        "runs": len(there),
    }


def reader_figures(passes: Passes, depths: Sequence[int]) -> dict[str, Any]:
    """Return all figures of one reader: at each depth, in each tenth, and what it held on the way."""
    figures: dict[str, Any] = {
        "depths": {label(depth): depth_figures(passes, depth) for depth in depths},
        "curve": curve(passes),
    }
    speeds = tenth_speeds(passes, depths[-1])
    if speeds:
        figures["tenths_tokens_per_second"] = [round(speed, 1) for speed in speeds]
        figures["tenth_tenth_to_second"] = round(speeds[-1] / speeds[1], 4)
    return {**figures, "memory": memory_figures(passes), "peak_growth": peak_growth(figures, depths)}


def depth_figures(passes: Passes, depth: int) -> dict[str, Any]:
    """Return what was measured after `depth` tokens: speeds are tokens per second from the first token on."""
    marks = [mark for one in passes if (mark := one.at(depth))]
    writings = [writing for one in passes if (writing := one.writings.get(depth))]
    peaks = [peak for one in passes if (peak := one.writing_peaks.get(depth))]
    return {
        "prefill_tokens_per_second": spread(depth / mark.seconds for mark in marks if mark.seconds),
        "decode_tokens_per_second": spread(writing.speed for writing in writings),
        "first_token_s": spread(writing.first_token for writing in writings),
        "compression_share": spread(mark.compression / mark.seconds for mark in marks if mark.seconds),
        "slots": max((mark.slots for mark in marks), default=None),
        "cache_bytes": max((mark.cache_bytes for mark in marks), default=None),
        **{f"reading_peak_{name}": size for name, size in _largest(mark.peak for mark in marks).items()},
        **{f"writing_peak_{name}": size for name, size in _largest(peaks).items()},
    }


def curve(passes: Passes) -> list[dict[str, Any]]:
    """Return every mark on the way: the speed since the mark before (median), and the most memory so far."""
    points, seen = [], {"rss_bytes": 0}
    before = 0
    for tokens in sorted({mark.tokens for one in passes for mark in one.marks}):
        marks = [mark for one in passes if (mark := one.at(tokens))]
        for mark in marks:
            seen = {name: max(size, seen.get(name, 0)) for name, size in mark.peak.items()}
        points.append(
            {
                "tokens": tokens,
                "tokens_per_second": _rounded(_median_speed(passes, before, tokens)),
                "rss_bytes": max(mark.rss_bytes for mark in marks),
                **{f"peak_{name}": size for name, size in seen.items()},
                "cache_bytes": max(mark.cache_bytes for mark in marks),
            }
        )
        before = tokens
    return points


def tenth_speeds(passes: Passes, deepest: int) -> list[float] | None:
    """Return tokens per second in each tenth of the text, medians; None until all ten have been read."""
    ends = tenths(deepest)
    speeds = [_median_speed(passes, start, end) for start, end in zip([0, *ends], ends, strict=False)]
    there = [speed for speed in speeds if speed is not None]
    return there if len(there) == TENTHS else None


def memory_figures(passes: Passes) -> dict[str, Any]:
    """Return the most that the process held while reading and while writing; bytes."""
    reading = [mark.peak for one in passes for mark in one.marks]
    writing = [peak for one in passes for peak in one.writing_peaks.values()]
    caches = {mark.cache_bytes for one in passes for mark in one.marks}
    return {
        "cache_bytes": max(caches, default=None),
        "cache_bytes_constant": len(caches) == 1,
        **{f"reading_peak_{name}": size for name, size in _largest(reading).items()},
        **{f"writing_peak_{name}": size for name, size in _largest(writing).items()},
    }


def peak_growth(figures: Mapping[str, Any], depths: Sequence[int]) -> float:
    """Return the peak while reading to the deepest depth over that of reading to the first; 1.0 is flat.

    It is the GPU's memory where there is a GPU, the process's otherwise.
    """
    first, last = (figures["depths"][label(depth)] for depth in (depths[0], depths[-1]))
    name = "reading_peak_gpu_bytes" if "reading_peak_gpu_bytes" in first else "reading_peak_rss_bytes"
    return float(round(last[name] / first[name], 4))


def ratios(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, float]:
    """Return medians of ours over theirs for each depth that both reached; above 1 we are faster."""
    found: dict[str, float] = {}
    kinds: tuple[tuple[str, str, Callable[[float, float], float]], ...] = (
        ("prefill", "prefill_tokens_per_second", lambda own, other: own / other),
        ("decode", "decode_tokens_per_second", lambda own, other: own / other),
        ("first_token", "first_token_s", lambda own, other: other / own),
    )
    for name, key, divide in kinds:
        for depth, own in ours["depths"].items():
            other = theirs["depths"].get(depth)
            if other and own[key] and other[key]:
                found[f"{name}_{depth}"] = round(divide(own[key]["median"], other[key]["median"]), 3)
    return found


def _median_speed(passes: Passes, start: int, end: int) -> float | None:
    speeds = []
    for one in passes:
        first, last = one.at(start), one.at(end)
        began = first.seconds if first else 0.0
        if last and (first or start == 0) and last.seconds > began:
            speeds.append((end - start) / (last.seconds - began))
    return median(speeds) if speeds else None


def _largest(peaks: Iterable[Mapping[str, int]]) -> dict[str, int]:
    largest: dict[str, int] = {}
    for peak in peaks:
        for name, size in peak.items():
            largest[name] = max(size, largest.get(name, 0))
    return largest


def _rounded(speed: float | None) -> float | None:
    return None if speed is None else round(speed, 1)
