"""Draws memory and speed against depth: the flat line is the claim. Needs matplotlib, which is optional."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from freqkv_cli.errors import UsageError

SUFFIXES = (".png", ".svg")


def require_matplotlib(path: Path) -> None:
    """Raise UsageError, before anything is measured, when nothing could be drawn into `path`."""
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"--plot {path}: the name must end in {' or '.join(SUFFIXES)}")
    if not os.access(path.absolute().parent, os.W_OK):
        raise UsageError(f"--plot {path}: there is no folder {path.absolute().parent} that can be written")
    if find_spec("matplotlib") is None:
        raise UsageError('--plot needs matplotlib: pip install "freqkv[plot]", or pip install matplotlib')


def save_figure(figure: Any, path: Path) -> None:
    """Write a figure into a .png or .svg, the same bytes for the same figure."""
    figure.savefig(path, metadata={"Date": None} if path.suffix.lower() == ".svg" else None)


def draw(report: dict[str, Any], path: Path) -> None:
    """Draw every reader of a report: its memory above, its speed of reading below, by depth."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 7), layout="constrained")
    memory, speed = figure.subplots(2, 1, sharex=True)
    for name, reader in report["readers"].items():
        points = list(reader["depths"].values())
        depths = [point["tokens"] for point in points]
        # The GPU's memory where there is a GPU, the process's otherwise.
        held = [point.get("reading_peak_gpu_bytes", point["reading_peak_rss_bytes"]) / 2**20 for point in points]
        (line,) = memory.plot(depths, held, marker="o", label=f"{name}: at the most")
        caches = [point["cache_bytes"] / 2**20 for point in points]
        memory.plot(depths, caches, linestyle="--", color=line.get_color(), label=f"{name}: cache")
        speeds = [point["prefill_tokens_per_second"]["median"] for point in points]
        speed.plot(depths, speeds, marker="o", color=line.get_color(), label=name)
    memory.set_ylabel("MiB")
    speed.set_ylabel("tokens/s of reading, from the first token on")
    speed.set_xlabel("tokens read")
    speed.xaxis.set_major_formatter(lambda tokens, _: f"{tokens:,.0f}")
    for axes in (memory, speed):
        axes.set_ylim(0, 1.05 * axes.get_ylim()[1])  # the first point is often the highest
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small")
    figure.suptitle(_title(report), fontsize="medium")
    save_figure(figure, path)


def _title(report: dict[str, Any]) -> str:
    machine, model, cache = report["environment"], report["model"], report["cache"]
    return (
        f"{model['id']}, {model['dtype']}, {cache['cache_size']} slots\n"
        f"{machine.get('gpu', machine['cpu'])}, {machine['threads']} threads, commit {machine['commit'] or 'unknown'}"
    )
