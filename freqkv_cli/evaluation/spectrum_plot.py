"""Draws the spectrum: how much of the energy the lowest frequencies hold, and how that differs by layer and head."""

from pathlib import Path
from typing import Any

from freqkv_cli.evaluation.energy import PARTS
from freqkv_cli.measurement.plot import save_figure


def draw_spectrum(report: dict[str, Any], path: Path) -> None:
    """Draw a report of `evaluate spectrum` into `path` (.png or .svg). Needs matplotlib."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    curves, by_layer = figure.subplots(1, 2)
    for part in PARTS:
        (line,) = curves.plot(*zip(*report["curves"][part]["with_mean"], strict=True), label=part)
        points = report["curves"][part]["without_mean"]
        curves.plot(*zip(*points, strict=True), "--", color=line.get_color(), label=f"{part}, beside the mean")
        own = [row for row in report["rows"] if row["of"] == part]
        by_layer.scatter(
            [row["layer"] for row in own],
            [row["lowest_half_without_mean"] for row in own],
            s=12,
            label=f"{part}, each head",
        )
    curves.plot([0, 1], [0, 1], ":", color="grey", label="white noise")
    curves.set_xlabel("share of the frequencies kept, from the lowest")
    curves.set_ylabel("share of the energy")
    by_layer.axhline(0.5, linestyle=":", color="grey", label="white noise")
    by_layer.set_xlabel("layer")
    by_layer.set_ylabel("share of the lower half, beside the mean")
    for axes in (curves, by_layer):
        axes.set_ylim(0, 1.02)
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small")
    model = report["model"]
    figure.suptitle(f"{model['id']}, {report['tokens']:,} tokens in sequences of {report['rows_transformed']:,} rows")
    with rc_context({"svg.fonttype": "none"}):  # text as text: a third of the bytes
        save_figure(figure, path)
