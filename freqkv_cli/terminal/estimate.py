"""The text of `freqkv count`."""

from collections.abc import Iterator
from typing import Any

from freqkv_cli.terminal.number_format import clock, memory, plural, seconds
from freqkv_cli.terminal.printable import one_line
from freqkv_cli.terminal.summary import left_out_of


def estimate_text(report: dict[str, Any]) -> str:
    """A line for each document, the total, what is left out, and what reading takes. Takes the report of `count`."""
    rows = [
        (
            one_line(str(document.get("path", ""))),
            str(document.get("type") or ""),
            plural(document["pages"], "page") if document.get("pages") else "",
            plural(document.get("tokens") or 0, "token"),
        )
        for document in report.get("input", [])
    ]
    if len(rows) > 1:
        rows.append(("total", "", "", plural(report.get("tokens", 0), "token")))
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(4)]
    lines = [
        f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]:>{widths[2]}}  {row[3]:>{widths[3]}}" for row in rows
    ]
    if missing := left_out_of(report):
        lines.append(one_line(missing))
    return "\n".join([*lines, *_needs(report.get("estimated") or {}, report.get("fits"))]) + "\n"


def _needs(estimated: dict[str, Any], fits: bool | None) -> Iterator[str]:
    if estimated.get("read_s") is not None:
        duration = estimated["read_s"]
        yield f"reading takes about {clock(duration) + ' min' if 90 <= duration < 3600 else seconds(duration)}"
    if estimated.get("memory_bytes") is not None:
        parts = [
            f"{name} {memory(estimated[key])}"
            for name, key in (("weights", "weights_bytes"), ("cache", "cache_bytes"))
            if estimated.get(key) is not None
        ]
        details = f" ({', '.join(parts)})" if parts else ""
        verdict = {True: ": it fits", False: ": it does not fit", None: ""}[fits]
        yield f"memory about {memory(estimated['memory_bytes'])}{details}{verdict}"
