"""A question put to a memory: whether the right answer is the likeliest, and whether the model writes it."""

from collections.abc import Sequence
from statistics import fmean
from typing import Any, NamedTuple, Protocol

from freqkv_cli.inference.engine import Engine
from freqkv_cli.inference.sampling import Sampler, Sampling
from freqkv_cli.kvcache.cache import FreqkvCache
from freqkv_cli.measurement.rates import Rate


class Outcome(NamedTuple):
    """`rank` counts the wrong answers that were at least as likely as the right one; `exact`: the model, where there
    was none, wrote the right one by itself.
    """

    rank: int
    exact: bool


class HasOutcome(Protocol):
    """What an outcome was recorded in."""

    @property
    def rank(self) -> int: ...

    @property
    def exact(self) -> bool: ...


def put(engine: Engine, cache: FreqkvCache, cue: Sequence[int], answers: Sequence[Sequence[int]]) -> Outcome:
    """Ask a fork of `cache`, which stays as it is: of `answers` (token ids) behind `cue` the first one is right."""
    fork = cache.fork()
    fork.make_room(len(cue) + sum(map(len, answers)))
    logits = engine.read(fork, cue)
    assert logits is not None
    right, *wrong = engine.score_continuations(fork, logits, answers)
    rank = sum(one >= right for one in wrong)
    if rank:
        return Outcome(rank, False)
    written = engine.decode(fork, logits, Sampler(Sampling()), stop=frozenset(), max_tokens=len(answers[0]))
    return Outcome(0, list(written) == list(answers[0]))


def tally(outcomes: Sequence[HasOutcome]) -> dict[str, Any]:
    """Return the rates of outcomes, at least one, for a report."""
    return {
        "first": Rate(sum(one.rank == 0 for one in outcomes), len(outcomes)).as_json(),
        "exact": Rate(sum(one.exact for one in outcomes), len(outcomes)).as_json(),
        "mean_rank": round(fmean(one.rank for one in outcomes), 2),
    }
