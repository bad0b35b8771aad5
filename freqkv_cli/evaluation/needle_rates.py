"""What answers to facts come to: rates by distance, and the table."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from freqkv_cli.evaluation.needle_items import OTHERS
from freqkv_cli.measurement.rates import Rate
from freqkv_cli.measurement.table import table

LEGEND = """\
Each cell: right answers put first among {others} wrong ones of their kind / written exactly / asked, by the tokens
between the fact and its question, in units of N = {slots:,} slots. Guessing puts one in {chance} first.
"""


@dataclass(frozen=True, slots=True)
class AskedItem:
    """A question and what came of it. `place` and `distance` are tokens; `rank` counts the wrong answers that were at
    least as likely as the right one; `exact`: the right one was written.
    """

    policy: str
    kind: str
    place: int
    distance: int
    rank: int
    exact: bool

    def as_json(self, tokens: int) -> dict[str, Any]:
        """Return it for a report; `depth` is the place of the fact as a share of the text's `tokens`."""
        return {
            "policy": self.policy,
            "kind": self.kind,
            "depth": round(self.place / tokens, 4),
            "distance": self.distance,
            "rank": self.rank,
            "exact": self.exact,
        }


def rows(asked: Sequence[AskedItem], slots: int) -> list[dict[str, Any]]:
    """Return the rates of each policy, kind and distance (tokens; also in units of `slots`), near ones first."""
    groups: dict[tuple[str, str, int], list[AskedItem]] = {}
    for one in asked:
        groups.setdefault((one.policy, one.kind, one.distance), []).append(one)
    order = list(dict.fromkeys((policy, kind) for policy, kind, _ in groups))
    return [
        {
            "policy": policy,
            "kind": kind,
            "distance": distance,
            "distance_n": round(distance / slots, 3),
            "first": Rate(sum(one.rank == 0 for one in here), len(here)).as_json(),
            "exact": Rate(sum(one.exact for one in here), len(here)).as_json(),
            "mean_rank": round(fmean(one.rank for one in here), 2),
        }
        for (policy, kind, distance), here in sorted(
            groups.items(), key=lambda one: (order.index(one[0][:2]), one[0][2])
        )
    ]


def recall_table(report: dict[str, Any]) -> str:
    """Return a table for each kind of a report, with a legend; one line where nothing has been asked."""
    found, slots = report["rows"], report["cache"]["cache_size"]
    if not found:
        return "nothing has been asked\n"
    pieces = [f"{report['model']['id']}, {slots} slots, {report['tokens']:,} tokens\n"]
    for kind in dict.fromkeys(row["kind"] for row in found):
        own = [row for row in found if row["kind"] == kind]
        distances = sorted({row["distance_n"] for row in own})
        lines = []
        for policy in dict.fromkeys(row["policy"] for row in own):
            cells = {row["distance_n"]: _cell(row) for row in own if row["policy"] == policy}
            lines.append([policy, *(cells.get(distance, "-") for distance in distances)])
        pieces.append(f"{kind}\n\n{table(('policy', *(f'{one:g} N' for one in distances)), lines)}")
    return "\n".join([*pieces, LEGEND.format(others=OTHERS, slots=slots, chance=OTHERS + 1)])


def _cell(row: dict[str, Any]) -> str:
    return f"{row['first']['hits']}/{row['exact']['hits']}/{row['first']['total']}"
