"""Rows of a measurement that takes long: kept for the report, and each written at once to a file that was asked for."""

import json
from pathlib import Path
from typing import Any, TextIO

from freqkv_cli.errors import UsageError


class RowLog:
    """Takes rows; `kept` are all of them, `out` gets each as a JSON line."""

    def __init__(self, out: TextIO | None = None) -> None:
        self.kept: list[dict[str, Any]] = []
        self.out = out

    def add(self, row: dict[str, Any]) -> None:
        """Keep a row."""
        self.kept.append(row)
        if self.out is not None:
            self.out.write(json.dumps(row, ensure_ascii=False) + "\n")
            self.out.flush()


def open_rows(path: Path) -> TextIO:
    """Open the file for the rows. Raises UsageError when it cannot be written."""
    try:
        return path.open("w", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--rows {path} cannot be written ({error.strerror}): name another file") from None
