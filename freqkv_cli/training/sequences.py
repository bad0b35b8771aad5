"""Which tokens a step sees: worked out from the seed and the number of the sequence alone, so that a run can go on."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from freqkv_cli.errors import NoTextError
from freqkv_cli.training.corpus import TrainingText, joined
from freqkv_cli.training.planted_facts import RetrievalTask

NOTHING = -1  # stands behind the end of a text: it is read as token 0, and nothing is to be learnt there


@dataclass(frozen=True, slots=True)
class Sample:
    """One sequence: ids, the token that follows each, and how much each counts. All [length]."""

    ids: Tensor
    targets: Tensor
    weights: Tensor


class Windows:
    """All texts as one stream, cut at another place and shuffled anew in each round. `count` is how many sequences
    there are in one round.
    """

    def __init__(self, texts: Sequence[TrainingText], length: int, separator: int | None, seed: int) -> None:
        self._stream, self._length, self._seed = joined(texts, separator), length, seed
        self.count = (len(self._stream) - 1) // length - 1  # the last one gives way to the shift
        if self.count < 1:
            raise NoTextError(
                f"the texts hold {len(self._stream):,} tokens to learn from, and sequences of {length:,} take "
                f"{2 * length + 1:,}: give more text or a smaller --length"
            )

    def take(self, number: int) -> Tensor:
        """Return sequence `number`, counted from 0 over all rounds: [length + 1]."""
        round_, place = divmod(number, self.count)
        shift = random.Random(f"{self._seed} {round_}").randrange(self._length)
        start = shift + _order(self.count, self._seed, round_)[place] * self._length
        return self._stream[start : start + self._length + 1].long()


@lru_cache(maxsize=2)
def _order(count: int, seed: int, round_: int) -> list[int]:
    order = list(range(count))
    random.Random(f"{seed} {round_} order").shuffle(order)
    return order


@dataclass(frozen=True, slots=True)
class Samples:
    """The sequences of a run; a share of them, chosen by the seed, holds facts to be remembered (`retrieval`)."""

    windows: Windows
    seed: int = 0
    share: float = 0.0
    task: RetrievalTask | None = None

    def take(self, number: int) -> Sample:
        """Return sequence `number` of the run, counted from 0."""
        window = self.windows.take(number)
        weights = torch.ones(len(window))
        choice = random.Random(f"{self.seed} {number} retrieval")
        if self.task is not None and choice.random() < self.share:
            window, weights = self.task.plant(window, choice)
        return make_sample(window, weights)


def make_sample(window: Tensor, weights: Tensor | None = None) -> Sample:
    """Shift a window [length + 1] into ids and targets; `weights` [length + 1] are those of its tokens as targets."""
    weights = torch.ones(len(window)) if weights is None else weights
    ids, targets = window[:-1].clamp(min=0), window[1:]
    known = (targets != NOTHING) & (window[:-1] != NOTHING)
    return Sample(ids, targets.clamp(min=0), weights[1:] * known)


def cut_held_out(texts: Sequence[TrainingText], length: int, count: int) -> list[Sample]:
    """Return at most `count` sequences of held-out texts, spread evenly over them; shorter texts give shorter ones."""
    windows = [
        text.ids[start : start + length + 1].long()
        for text in texts
        for start in range(0, max(1, len(text.ids) - length), length)
    ]
    usable = [window for window in windows if len(window) > 1]
    if len(usable) > count:
        usable = [usable[number * len(usable) // count] for number in range(count)]
    return [make_sample(window) for window in usable]
