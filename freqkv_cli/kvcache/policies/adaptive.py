"""Each head keeps what the last 32 queries attend to, as many rows as that takes (arXiv 2502.16886).

DBudgetKV ranks the rows, and drops them from the end for as long as the Frobenius norm of the attention matrix A of the
last queries loses no more than a hundredth: | ||A|| - ||A_kept|| | / ||A|| <= 0.01. Here each head has a ranking of its
own, that of `morph`, all layers share the length of the one that wants most, and sinks and recent tokens always stay.
"""

from collections.abc import Iterable

from freqkv_cli.kvcache.policies.morph import MorphPolicy
from freqkv_cli.kvcache.policy import Attended

LOSS = 0.01  # share of the norm of a layer's attention that a compression may lose
# Share of the rows, whatever the norm: a round must neither wipe the cache nor free nothing.
LEAST, MOST = 0.25, 0.875


class AdaptivePolicy(MorphPolicy):
    """A budget that follows the text.

    One length for all layers; the retain ratio has no say but where no queries are known.
    """

    def choose_length(self, layers: Iterable[Attended], old: slice) -> int:
        """Return what the layer that wants most wants; see ElasticPolicy.choose_length."""
        rows = old.stop - old.start
        wanted = max(needed(attended, old) for attended in layers)
        return max(1, min(rows - 1, max(wanted, round(LEAST * rows)), round(MOST * rows)))


def needed(attended: Attended, old: slice) -> int:
    """Return how many of the `old` slots each head must keep so that the layer loses no more than LOSS of the norm."""
    mean, squares = (each[..., old] for each in attended)
    ranked = squares.gather(-1, mean.argsort(dim=-1, descending=True))
    total = attended.squares.sum()
    others = total - squares.sum()
    kept = (others + ranked.sum(dim=(0, 1)).cumsum(0)).sqrt()
    return min(len(kept), int((kept < (1 - LOSS) * total.sqrt()).sum()) + 1)
