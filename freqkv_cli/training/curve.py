"""The losses of a run: one JSON object a line, and a plot."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from freqkv_cli.measurement.plot import save_figure

NAME = "curve.jsonl"
SMOOTHING = 20  # steps that the drawn line of the training loss averages over


def begin_curve(folder: Path, step: int) -> None:
    """Keep the lines up to `step`, those of a run that goes on from there."""
    kept = [line for line in read_curve(folder) if line["step"] <= step] if step else []
    draft = folder / f".{NAME}.draft"
    draft.write_text("".join(_line(values) for values in kept), encoding="utf-8")
    draft.replace(folder / NAME)


def add_to_curve(folder: Path, **values: Any) -> None:
    """Add one line: step and tokens, and loss or validation in nats per token."""
    with (folder / NAME).open("a", encoding="utf-8") as file:
        file.write(_line(values))


def read_curve(folder: Path) -> list[dict[str, Any]]:
    """Return the lines; one that was cut off by a crash is left out."""
    try:
        lines = (folder / NAME).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    return [values for values in map(_parsed, lines) if values is not None]


def draw_curve(lines: Iterable[dict[str, Any]], path: Path, title: str) -> None:
    """Draw training and validation loss by tokens into a .png or .svg. Needs matplotlib."""
    from matplotlib.figure import Figure

    told = list(lines)
    trained = [line for line in told if "loss" in line]
    validated = [line for line in told if "validation" in line]
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    losses = [line["loss"] for line in trained]
    smooth = [_mean(losses[max(0, end - SMOOTHING) : end]) for end in range(1, len(losses) + 1)]
    axes.plot([line["tokens"] for line in trained], losses, alpha=0.25, color="tab:blue")
    axes.plot([line["tokens"] for line in trained], smooth, color="tab:blue", label=f"training, mean of {SMOOTHING}")
    if validated:
        places = [line["tokens"] for line in validated]
        axes.plot(places, [line["validation"] for line in validated], "o-", color="tab:orange", label="held out")
    axes.set_xlabel("tokens trained on")
    axes.set_ylabel("loss, nats per token")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.suptitle(title, fontsize="medium")
    save_figure(figure, path)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _line(values: dict[str, Any]) -> str:
    return json.dumps(values) + "\n"


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        values = json.loads(line)
    except ValueError:
        return None
    return values if isinstance(values, dict) and "step" in values else None
