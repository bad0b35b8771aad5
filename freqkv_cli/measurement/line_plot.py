"""Draws lines into one picture. Needs matplotlib, which is optional."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from freqkv_cli.measurement.plot import save_figure


@dataclass(frozen=True, slots=True)
class PlotLine:
    """A line with its name in the legend, through points (x, y)."""

    label: str
    points: Sequence[tuple[float, float]]


def draw_lines(
    lines: Sequence[PlotLine], path: Path, *, x: str, y: str, title: str, logarithmic: bool = False, marker: str = ""
) -> None:
    """Draw all lines into `path` (.png or .svg); `logarithmic` doubles x with every step."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    for line in lines:
        axes.plot([point[0] for point in line.points], [point[1] for point in line.points], marker, label=line.label)
    if logarithmic:
        axes.set_xscale("log", base=2)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    figure.suptitle(title, fontsize="medium")
    save_figure(figure, path)
