"""Each head keeps the rows that recent queries attend to, and those that are predicted to be looked at later.

A row is worth its slot for one of two reasons. Recent queries look at it: it belongs to the thread of the text, from
which the next words are foretold. Or it may be asked for later, when nobody looks at it any more. Attention alone
forgets the second kind, importance alone loses the thread. What may be asked for is foretold by a function that an
adapter brings along (kvcache/importance.py); without one it is what stands out, the keys least like the others. Means
of the other rows, in slots taken from either, made it worse (docs/experiments.md).

Importance knows no age. Rows that were kept once would be kept for ever, and a long text fill the cache with its
beginnings: so only a share of the slots is for those that have been kept before.
"""

import math

from torch import Tensor

from freqkv_cli.kvcache.importance import importance
from freqkv_cli.kvcache.policy import CompressionContext, SelectingPolicy
from freqkv_cli.kvcache.rope import SlotKeys
from freqkv_cli.kvcache.selection import distinctness, strongest

ATTENDED = 0.25  # of the rows that remain; the others are the most important ones
KEPT_BEFORE = 0.5  # of the rows that remain, at the most, beside attended ones: a row's chances halve with each round


class LandmarksPolicy(SelectingPolicy):
    """freqkv's own, and the default: the thread of the text and what may be asked for later.

    Every head keeps landmarks of its own, verbatim; what is not kept is gone.

    predictor: the weights of `importance` for each layer, [layers, kv_heads, features]; None: distinctness instead.
    Where no queries are known (a state of before they were kept), no row counts as attended.
    """

    observation_window = 8

    def __init__(self) -> None:
        self.predictor: Tensor | None = None

    def choose(self, keys: SlotKeys, values: Tensor, length: int, context: CompressionContext) -> Tensor:
        """Keep the most attended rows of each head, then the most important; see SelectingPolicy.choose."""
        predictor = self.predictor
        scores = distinctness(keys) if predictor is None else importance(predictor[context.layer], keys, values)
        scores = hide_the_weakest(scores, context.kept, length)
        if context.attention is not None:
            scores = scores.scatter(-1, strongest(context.attention, round(ATTENDED * length)), float("inf"))
        return strongest(scores, length)


def hide_the_weakest(scores: Tensor, kept: int, length: int) -> Tensor:
    """Return scores, [batch, heads, T], of which -inf stands for those of the first `kept` rows that are not among
    the highest of these: as many as KEPT_BEFORE says of `length`, or as are needed beside all new rows.
    """
    most = max(math.ceil(KEPT_BEFORE * length), length - (scores.shape[-1] - kept))
    if kept <= most:
        return scores
    return scores.scatter(-1, strongest(-scores[..., :kept], kept - most), float("-inf"))
