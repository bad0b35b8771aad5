"""The table of `freqkv evaluate recall`."""

from typing import Any

from freqkv_cli.evaluation.needle_items import OTHERS
from freqkv_cli.measurement.table import table

LEGEND = """\
Each cell: right answers put first among {others} wrong ones of their kind / written exactly / asked, by the tokens
between the fact and its question, in units of N = {slots:,} slots. Guessing puts one in {chance} first. half: the
distance beyond which fewer than half are put first (written exactly); > means that the farthest still had half.
"""


def recall_table(report: dict[str, Any]) -> str:
    """Return a table for each kind of a report, with a legend; one line where nothing has been asked."""
    found = report["rows"]
    if not found:
        return "nothing has been asked\n"
    slots = report["cache"]["cache_size"]
    pieces = [f"{report['model']['id']}, {slots} slots, {report['tokens']:,} tokens, question {report['query']}\n"]
    for kind in dict.fromkeys(row["kind"] for row in found):
        own = [row for row in found if row["kind"] == kind]
        distances = sorted({row["distance_n"] for row in own})
        lines = []
        for half in (one for one in report["halves"] if one["kind"] == kind):
            cells = {row["distance_n"]: _cell(row) for row in own if row["policy"] == half["policy"]}
            reach = f"{_reach(half, 'first', slots)} ({_reach(half, 'exact', slots)})"
            lines.append([half["policy"], *(cells.get(distance, "-") for distance in distances), reach])
        pieces.append(f"{kind}\n\n{table(('policy', *(f'{one:g} N' for one in distances), 'half'), lines)}")
    return "\n".join([*pieces, LEGEND.format(others=OTHERS, slots=slots, chance=OTHERS + 1)])


def _cell(row: dict[str, Any]) -> str:
    return f"{row['first']['hits']}/{row['exact']['hits']}/{row['first']['total']}"


def _reach(half: dict[str, Any], name: str, slots: int) -> str:
    if half[name] is None:
        return "none"
    return f"{'>' if half[f'{name}_beyond'] else ''}{half[name] / slots:.2g} N"
