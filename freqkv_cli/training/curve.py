"""The losses of a run: one JSON object a line, for whoever draws them."""

import json
from pathlib import Path
from typing import Any

NAME = "curve.jsonl"


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


def _line(values: dict[str, Any]) -> str:
    return json.dumps(values) + "\n"


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        values = json.loads(line)
    except ValueError:
        return None
    return values if isinstance(values, dict) and "step" in values else None
