"""The table of `freqkv evaluate sessions`."""

from typing import Any

from freqkv_cli.evaluation.session_figures import ALL
from freqkv_cli.measurement.rates import Rate
from freqkv_cli.measurement.table import table

COLUMNS = 6  # of turns, at most
LEGEND = """\
Each cell: right answers put first / written exactly / asked; guessing puts {chance} first. all: share put first, in
brackets the 95 % interval (Wilson). multi-turn: the turns of a session follow each other, each question and its right
answer stay in the memory. multi-request: each is put to a fork of the context alone, so that its turns differ by their
questions only.
"""


def width_of(turns: int) -> int:
    """Return how many turns share a column."""
    return -(-turns // COLUMNS)


def session_table(report: dict[str, Any], spans: list[dict[str, Any]]) -> str:
    """Return a table for each mode, by kind of session, and one by turn (`spans`), with a legend; one line where
    nothing has been asked.
    """
    found = report["rows"]
    if not found:
        return "nothing has been asked\n"
    slots = report["cache"]["cache_size"]
    longest = max(one["tokens"] for one in report["sessions"])
    pieces = [f"{report['model']['id']}, {slots} slots, contexts of up to {longest:,} tokens, seed {report['seed']}\n"]
    policies = list(dict.fromkeys(row["policy"] for row in found))
    kinds = [kind for kind in dict.fromkeys(row["kind"] for row in found) if kind != ALL]
    for mode in dict.fromkeys(row["mode"] for row in found):
        cells = {(row["policy"], row["kind"]): row for row in found if row["mode"] == mode}
        lines = [
            [policy, *(_cell(cells.get((policy, kind))) for kind in kinds), _share(cells, policy, kinds)]
            for policy in policies
        ]
        pieces.append(f"{mode}\n\n{table(('policy', *kinds, ALL), lines)}")
    starts = {
        row["turn"]: f"{row['turn']}-{row['until']}" if row["until"] > row["turn"] else str(row["turn"])
        for row in spans
    }
    lines = []
    for policy, mode in dict.fromkeys((row["policy"], row["mode"]) for row in spans):
        own = {row["turn"]: row for row in spans if (row["policy"], row["mode"]) == (policy, mode)}
        lines.append([policy, mode, *(_cell(own.get(start)) for start in starts)])
    pieces.append(f"by turn, all kinds\n\n{table(('policy', 'mode', *starts.values()), lines)}")
    chances = {row["chance"] for row in found if row["kind"] != ALL}
    low, high = min(chances), max(chances)
    chance = f"{low:.0%}" if low == high else f"{low:.0%} to {high:.0%}"
    return "\n".join([*pieces, LEGEND.format(chance=chance)])


def _cell(row: dict[str, Any] | None) -> str:
    return "-" if row is None else f"{row['first']['hits']}/{row['exact']['hits']}/{row['first']['total']}"


def _share(cells: dict[tuple[str, str], dict[str, Any]], policy: str, kinds: list[str]) -> str:
    row = cells.get((policy, ALL if len(kinds) > 1 else kinds[0]))
    return "-" if row is None else str(Rate(row["first"]["hits"], row["first"]["total"]))
