"""What answers to facts come to: rates by distance, and the distance at which half of them are right."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from freqkv_cli.evaluation.asking import tally

HALF = 0.5


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


def rows(asked: Sequence[AskedItem], distances: Sequence[float], slots: int) -> list[dict[str, Any]]:
    """Return the rates of each policy, kind and distance (tokens; also in units of `slots`) that was asked for."""
    found = []
    for policy, kind in dict.fromkeys((one.policy, one.kind) for one in asked):
        for distance in map(round, distances):
            here = [one for one in asked if (one.policy, one.kind, one.distance) == (policy, kind, distance)]
            if here:
                found.append(
                    {
                        "policy": policy,
                        "kind": kind,
                        "distance": distance,
                        "distance_n": round(distance / slots, 3),
                        **tally(here),
                    }
                )
    return found


def halves(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return for each policy and kind the distance in tokens beyond which fewer than half are right: put first, and
    written exactly. None: fewer at every distance; `beyond`: the farthest distance had half or more.
    """
    result = []
    for policy, kind in dict.fromkeys((row["policy"], row["kind"]) for row in found):
        own = [row for row in found if (row["policy"], row["kind"]) == (policy, kind)]
        last = own[-1]
        entry: dict[str, Any] = {"policy": policy, "kind": kind}
        for name in ("first", "exact"):
            entry[name] = half_distance([(row["distance"], row[name]["share"]) for row in own])
            entry[f"{name}_beyond"] = last[name]["share"] >= HALF and entry[name] == last["distance"]
        result.append(entry)
    return result


def half_distance(curve: Sequence[tuple[float, float]]) -> float | None:
    """Return where a curve of (distance, share) first falls below one half, between two points on a logarithmic scale;
    the last distance if it never does, None if it begins below.
    """
    if curve[0][1] < HALF:
        return None
    for (near, above), (far, below) in pairwise(curve):
        if below < HALF:
            part = (above - HALF) / (above - below)
            return round(math.exp(math.log(near) + part * math.log(far / near)), 1)
    return curve[-1][0]
