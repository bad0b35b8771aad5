"""The table of measured summaries."""

from collections.abc import Sequence
from typing import Any

from freqkv_cli.measurement.table import table

HEAD = (
    "document",
    "topics",
    "tenths",
    "first",
    "end",
    "own",
    "invented",
    "repeated",
    "order",
    "words",
    "read/notes/write s",
)
LEGEND = """\
topics: things of the document that the summary mentions; tenths: parts of it that it mentions something of. first: what
the first sentence says of kind and matter of the document. end: whether its end is mentioned. own: sentences that do
not stand in the document. invented: names and numbers that stand nowhere in it. repeated: sentences that say again.
order: Kendall's tau of topics and document, 1 in its order.
"""


def summaries_table(rows: Sequence[dict[str, Any]]) -> str:
    """Return the table, its last row for all documents, with what was invented or repeated below it, and a legend."""
    measured = [row for row in rows if row["error"] is None]
    lines = [cells(row) for row in measured]
    if len(measured) > 1:
        lines.append(cells(summed(measured)))
    details = [
        f"{row['file']}, {kind}: {item}\n"
        for row in measured
        for kind in ("invented", "repeated")
        for item in row[kind]
    ]
    details += [f"{row['file']}, not measured: {row['error']}\n" for row in rows if row["error"] is not None]
    details += [f"{row['file']}: an extract, the model wrote nothing\n" for row in measured if row["extract"]]
    return "\n".join([table(HEAD, lines), *(["".join(details)] if details else []), LEGEND])


def summed(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the sums over all documents; the mean for the order."""
    added = ("topics", "topics_told", "tenths", "tenths_told", "first", "first_told", "sentences", "own", "words")
    total: dict[str, Any] = {key: sum(row[key] for row in rows) for key in (*added, "read_s", "notes_s", "write_s")}
    for key in ("invented", "repeated"):
        total[key] = [item for row in rows for item in row[key]]
    orders = [row["order"] for row in rows if row["order"] is not None]
    total["order"] = round(sum(orders) / len(orders), 2) if orders else None
    ends = [row["end_told"] for row in rows if row["end_told"] is not None]
    return {**total, "file": "all", "end_told": f"{sum(ends)}/{len(ends)}"}


def cells(row: dict[str, Any]) -> list[str]:
    """Return a line of the table."""
    end = row["end_told"]
    return [
        row["file"],
        *(f"{row[f'{name}_told']}/{row[name]}" for name in ("topics", "tenths", "first")),
        end if isinstance(end, str) else {True: "yes", False: "no", None: "-"}[end],
        f"{row['own']}/{row['sentences']}",
        str(len(row["invented"])),
        str(len(row["repeated"])),
        "-" if row["order"] is None else f"{row['order']:.2f}",
        str(row["words"]),
        "/".join(f"{row[key] or 0:.0f}" for key in ("read_s", "notes_s", "write_s")),
    ]
