"""What losses come to: perplexities with their intervals, by position and by age, and against another policy."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from statistics import fmean, stdev
from typing import Any

from freqkv_cli.measurement.rates import Z

BLOCK = 128  # tokens in a row that count as one observation: losses of neighbours are not independent
POSITIONS = (0, 4096, 8192, 16384, 32768)  # where a bucket of positions begins
RARE = 1000  # a token is rare when it makes up no more than one in so many of the text's,
FEW = 4  # or stands there no more often than this
AGES = ("within N", "N to 4 N", "over 4 N", "first time")


def perplexity(losses: Sequence[float]) -> float | None:
    """Return the exponential of the mean loss; None of nothing."""
    return math.exp(fmean(losses)) if losses else None


def interval(losses: Sequence[float], block: int = BLOCK) -> tuple[float, float] | None:
    """Return the 95 % interval of `perplexity`: normal, over the means of blocks; None for fewer than two blocks."""
    means = [fmean(losses[start : start + block]) for start in range(0, len(losses) - block + 1, block)]
    if len(means) < 2:
        return None
    centre, half = fmean(losses), Z * stdev(means) / math.sqrt(len(means))
    return math.exp(centre - half), math.exp(centre + half)


def compare(losses: Sequence[float], reference: Sequence[float]) -> dict[str, Any]:
    """Return by what factor the perplexity differs from the reference's on the tokens that both have read.

    The differences are paired, token by token, so that the interval is much narrower than those of the two.
    """
    differences = [mine - theirs for mine, theirs in zip(losses, reference, strict=False)]
    return {"ratio": rounded(perplexity(differences)), "ratio_ci95": rounded(interval(differences))}


def by_position(losses: Sequence[float]) -> list[dict[str, Any]]:
    """Return perplexity by place in the text; `losses[i]` is that of token i + 1, and only reached buckets count."""
    buckets = []
    for start, end in zip(POSITIONS, (*POSITIONS[1:], None), strict=True):
        part = losses[max(start - 1, 0) : None if end is None else end - 1]
        if part:
            buckets.append({"from": start, "to": end, "tokens": len(part), "perplexity": rounded(perplexity(part))})
    return buckets


def ages(ids: Sequence[int], slots: int, counts: Callable[[int], bool]) -> list[str | None]:
    """Return the age of each token but the first: how far back, in units of `slots`, the same token stood last.

    One of AGES, or None for a token that is not rare, or of which `counts` is not true (no letter or digit in it).
    """
    frequent = {token for token, number in Counter(ids).items() if number > max(FEW, len(ids) / RARE)}
    known: dict[int, bool] = {}
    last: dict[int, int] = {}
    found: list[str | None] = []
    for place, token in enumerate(ids):
        if token not in known:
            known[token] = token not in frequent and counts(token)
        if not known[token]:
            found.append(None)
        elif token not in last:
            found.append(AGES[3])
        else:
            distance = place - last[token]
            found.append(AGES[0] if distance <= slots else AGES[1] if distance <= 4 * slots else AGES[2])
        last[token] = place
    return found[1:]


def by_age(losses: Sequence[float], ages: Sequence[str | None], reference: Sequence[float]) -> list[dict[str, Any]]:
    """Return the perplexity of rare tokens by `ages`, and its ratio to the reference's; all three go together.

    These tokens stand apart, so that each counts as an observation of its own.
    """
    found = []
    for age in AGES:
        part = [loss for loss, its in zip(losses, ages, strict=False) if its == age]
        pairs = zip(losses, reference, ages, strict=False)
        differences = [mine - theirs for mine, theirs, its in pairs if its == age]
        found.append(
            {
                "age": age,
                "tokens": len(part),
                "perplexity": rounded(perplexity(part)),
                "ratio": rounded(perplexity(differences)),
                "ratio_ci95": rounded(interval(differences, 1)),
            }
        )
    return found


def rounded(figure: Any, digits: int = 4) -> Any:
    """Return numbers with so many decimals, alone or in a tuple; None stays None."""
    if figure is None:
        return None
    return [round(one, digits) for one in figure] if isinstance(figure, tuple) else round(figure, digits)
