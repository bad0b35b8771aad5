"""What sessions come to: rates by mode and by kind of session, and by the number of the turn."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from freqkv_cli.evaluation.asking import tally

ALL = "all"


@dataclass(frozen=True, slots=True)
class AnsweredTurn:
    """A turn and what came of it: the `turn`-th, from 1, of the `session`-th session of its `kind`, from 1, asked for
    a fact of the kind `asked`. `choices` were weighed; for `rank` and `exact` see Outcome.
    """

    policy: str
    mode: str
    kind: str
    session: int
    turn: int
    asked: str
    choices: int
    rank: int
    exact: bool

    def as_json(self) -> dict[str, Any]:
        """Return it for a report."""
        return asdict(self)


def rows(answered: Sequence[AnsweredTurn]) -> list[dict[str, Any]]:
    """Return the rates of each policy, mode and kind of session, and of all kinds together where there are several.

    `chance` is the share that guessing puts first.
    """
    found = []
    kinds = list(dict.fromkeys(one.kind for one in answered))
    for policy, mode in dict.fromkeys((one.policy, one.mode) for one in answered):
        own = [one for one in answered if (one.policy, one.mode) == (policy, mode)]
        for kind in (*kinds, *([ALL] if len(kinds) > 1 else [])):
            here = [one for one in own if kind in (ALL, one.kind)]
            if here:
                found.append({"policy": policy, "mode": mode, "kind": kind, **tally(here), "chance": _chance(here)})
    return found


def by_turn(answered: Sequence[AnsweredTurn], width: int = 1) -> list[dict[str, Any]]:
    """Return the rates of each policy, mode and `width` turns that follow each other, over all kinds of sessions."""
    found = []
    for policy, mode in dict.fromkeys((one.policy, one.mode) for one in answered):
        own = [one for one in answered if (one.policy, one.mode) == (policy, mode)]
        last = max(one.turn for one in own)
        for first in range(1, last + 1, width):
            until = min(first + width - 1, last)
            here = [one for one in own if first <= one.turn <= until]
            found.append({"policy": policy, "mode": mode, "turn": first, "until": until, **tally(here)})
    return found


def _chance(answered: Sequence[AnsweredTurn]) -> float:
    return round(fmean(1 / one.choices for one in answered), 4)
