"""MorphKV (arXiv 2503.00979): keep the old rows that the most recent queries look at.

MorphKV drops one row for each token that it writes; here half of the rows go at once, when the cache is full, so that
the same queries decide about all of them. Keep recent tokens beside it, as MorphKV does.
"""

from torch import Tensor

from freqkv_cli.kvcache.policies.past import FRESH, Past
from freqkv_cli.kvcache.rows import distinctness, pick, strongest


class MorphPolicy:
    """Every head keeps the rows that its queries attend to; what they do not ask for now is gone.

    Where no queries are known (a state of before they were kept), rows are scored as by `keydiff`.
    """

    name = "morph"
    evicts = True
    observes = 32

    def compress(self, keys: Tensor, values: Tensor, length: int, past: Past = FRESH) -> tuple[Tensor, Tensor]:
        """Keep the `length` most attended rows of each head; see CompressionPolicy.compress."""
        scores = past.attention if past.attention is not None else distinctness(keys)
        kept = strongest(scores, length)
        return pick(keys, kept), pick(values, kept)
