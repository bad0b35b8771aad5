"""The tables and the plot of `freqkv evaluate memory`."""

from typing import Any

from freqkv_cli.evaluation.memory_figures import ALL, BLOCK, CHANCE, RARE
from freqkv_cli.measurement.line_plot import PlotLine
from freqkv_cli.measurement.table import table

LEGEND = """\
N: {slots:,} slots. Brackets: 95 % intervals by bootstrap, over blocks of {block} tokens, and over facts.
Text: perplexity of all tokens but the first, and its ratio to that of {reference} on the same tokens; then the ratio by
place in the text, and of rare tokens (at most one in {rare:,} of the text, with a letter or digit) by the distance to
the same token before.
Facts: how often a name or number that stands in the text once was the likeliest of {of} behind the words before it, so
many tokens later: 0 is guessing, 1 always. ratio: to {reference} on the same questions, - where that only guesses.
"""


def memory_table(report: dict[str, Any]) -> str:
    """Return two tables for each document of a report, and for all, with a legend; one line where there is nothing."""
    rows, slots = report["rows"], report["cache"]["cache_size"]
    if not rows:
        return "nothing has been measured\n"
    pieces = [f"{report['model']['id']}, {slots} slots\n"]
    for document in dict.fromkeys(row["document"] for row in rows):
        here = [row for row in rows if row["document"] == document]
        pieces += [f"{document or 'all documents'}\n", text_table(here), fact_table(here)]
    legend = LEGEND.format(slots=slots, block=BLOCK, rare=RARE, reference=report["reference"], of=round(1 / CHANCE))
    return "\n".join([*filter(None, pieces), legend])


def text_table(rows: list[dict[str, Any]]) -> str:
    """Return slots, bytes, perplexities and their ratios."""
    columns = [part for part in dict.fromkeys(part for row in rows for part in row["text"]) if part != ALL]
    head = ("policy", "slots", "MiB", "tokens", "perplexity", "ratio", *columns)
    lines = []
    for row in rows:
        whole = row["text"][ALL]
        lines.append(
            [
                row["policy"],
                f"{row['cache_size']:,}",
                f"{row['cache_bytes'] / 2**20:.1f}",
                f"{whole['tokens']:,}",
                cell(whole["perplexity"]),
                cell(whole["ratio"], whole["ratio_ci95"], 3),
                *(cell(row["text"].get(part, {}).get("ratio"), digits=3) for part in columns),
            ]
        )
    return table(head, lines)


def fact_table(rows: list[dict[str, Any]]) -> str:
    """Return how far above chance facts are recognised, by distance; empty where none were asked for."""
    parts = dict.fromkeys(part for row in rows for part in row["facts"])
    most = {part: max(row["facts"][part]["asked"] for row in rows if part in row["facts"]) for part in parts}
    head = ("policy", *(f"{part} ({count:,} asked)" for part, count in most.items()), "ratio")
    lines = []
    for row in rows:
        found = [row["facts"].get(part, {}) for part in parts]
        lines.append([row["policy"], *(cell(one.get("above_chance"), one.get("ci95")) for one in found)])
        lines[-1].append(cell(found[0].get("ratio"), found[0].get("ratio_ci95")) if found else "-")
    return table(head, lines) if parts else ""


def cell(number: float | None, ends: list[float | None] | None = None, digits: int = 2) -> str:
    """Return a figure with its interval; a minus sign would look like the dash between the ends."""
    if number is None:
        return "-"
    low, high = ("" if end is None else f"{end:,.{digits}f}" for end in ends or (None, None))
    return f"{number:,.{digits}f}" + (f" ({low} to {high})" if ends else "")


def memory_lines(report: dict[str, Any]) -> list[PlotLine]:
    """Return one line for each policy, on all documents: facts recognised above chance, by distance."""
    last = report["rows"][-1]["document"] if report["rows"] else None
    drawn = [
        PlotLine(
            row["policy"],
            [(float(part.split()[0]), one["above_chance"]) for part, one in row["facts"].items() if part != ALL],
        )
        for row in report["rows"]
        if row["document"] == last
    ]
    return [line for line in drawn if line.points]
