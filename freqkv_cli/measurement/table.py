"""Tables as plain text: Markdown that can be pasted into docs, its columns aligned."""

from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return the table, a newline at its end. Cells are single lines."""
    cells = [[cell.replace("|", "\\|") for cell in row] for row in (head, *rows)]
    widths = [max(3, *(len(row[column]) for row in cells)) for column in range(len(head))]
    lines = [_line(row, widths) for row in cells]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines) + "\n"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell + " " * (width - len(cell)) for cell, width in zip(row, widths, strict=True))
    return f"| {' | '.join(padded)} |"
