"""The table of `freqkv evaluate perplexity`."""

from typing import Any

from freqkv_cli.evaluation.perplexity_statistics import RARE
from freqkv_cli.measurement.table import table

LEGEND = """\
perplexity: of all tokens but the first, in brackets the 95 % interval (normal, over blocks of 128 tokens). ratio: to
the perplexity of {reference} on the same tokens, paired. Then by position in the text, and of rare tokens (at most one
in {rare:,} of the text, with a letter or digit) by the distance to the same token before; N is {slots:,} slots.
"""


def perplexity_table(report: dict[str, Any]) -> str:
    """Return the table of a report, with a legend; one line where nothing has been measured."""
    found = report["rows"]
    if not found:
        return "nothing has been measured\n"
    positions = [_span(bucket) for bucket in max((row["by_position"] for row in found), key=len)]
    ages = [bucket["age"] for bucket in found[0]["by_age"]]
    head = ("policy", "slots", "recent", "tokens", "perplexity", "ratio", *positions, *ages)
    lines = []
    for row in found:
        places = [_figure(bucket["perplexity"], 1) for bucket in row["by_position"]]
        lines.append(
            [
                row["policy"],
                str(row["cache_size"]),
                str(row["recent_tokens"]),
                f"{row['tokens']:,}",
                _with_interval(row["perplexity"], row["ci95"], 2),
                _with_interval(row["ratio"], row["ratio_ci95"], 3),
                *places,
                *["-"] * (len(positions) - len(places)),
                *[_figure(bucket["perplexity"], 0) for bucket in row["by_age"]],
            ]
        )
    model, slots = report["model"]["id"], report["cache"]["cache_size"]
    legend = LEGEND.format(reference=found[0]["reference"], rare=RARE, slots=slots)
    return f"{model}, {slots} slots\n\n{table(head, lines)}\n{legend}"


def _span(bucket: dict[str, Any]) -> str:
    start = f"{bucket['from'] // 1024}K"
    return f"over {start}" if bucket["to"] is None else f"{start}-{bucket['to'] // 1024}K"


def _figure(number: float | None, digits: int) -> str:
    return "-" if number is None else f"{number:,.{digits}f}"


def _with_interval(number: float | None, ends: list[float] | None, digits: int) -> str:
    inside = f" ({_figure(ends[0], digits)}-{_figure(ends[1], digits)})" if ends else ""
    return f"{_figure(number, digits)}{inside}"
