"""freqkv's own: keep what is in use and what stands out.

A row is worth its slot for one of two reasons. Recent queries look at it: it belongs to the thread of the text, from
which the next words are foretold. Or its key is like no other: it may carry a name or a number that will be asked for
when nobody looks at it any more. Attention alone forgets the second kind, distinctness alone loses the thread. Means of
the other rows, in slots taken from either, made it worse (docs/experiments.md).
"""

from torch import Tensor

from freqkv_cli.kvcache.policies.past import FRESH, Past
from freqkv_cli.kvcache.rows import distinctness, pick, strongest

ATTENDED = 0.5  # of the rows that remain; the others are the most distinct


class LandmarksPolicy:
    """Every head keeps landmarks of its own, verbatim; what is not kept is gone.

    A state holds no queries. Where none have been seen since it was opened, all rows are scored as by `keydiff`.
    """

    name = "landmarks"
    evicts = True
    observes = 32

    def compress(self, keys: Tensor, values: Tensor, length: int, past: Past = FRESH) -> tuple[Tensor, Tensor]:
        """Keep the most attended rows of each head, then the most distinct; see CompressionPolicy.compress."""
        scores = distinctness(keys)
        if past.attention is not None:
            attended = past.attention.topk(round(ATTENDED * length), dim=-1).indices
            scores = scores.scatter(-1, attended, float("inf"))
        kept = strongest(scores, length)
        return pick(keys, kept), pick(values, kept)
