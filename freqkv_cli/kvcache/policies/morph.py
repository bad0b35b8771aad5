"""Each head keeps what the last 32 queries attend to (arXiv 2503.00979).

MorphKV drops one row for each token that it writes; here half of the rows go at once, when the cache is full, so that
the same queries decide about all of them. Keep recent tokens beside it, as MorphKV does.
"""

from torch import Tensor

from freqkv_cli.kvcache.policy import FRESH, CompressionContext, CompressionPolicy, Rows
from freqkv_cli.kvcache.selection import distinctness, pick, strongest


class MorphPolicy(CompressionPolicy):
    """The thread of the text.

    Every head keeps the rows that its queries attend to; what they do not ask for now is gone.

    Where no queries are known (a state of before they were kept), rows are scored as by `keydiff`.
    """

    observation_window = 32

    def compress(self, keys: Tensor, values: Tensor, length: int, context: CompressionContext = FRESH) -> Rows:
        """Keep the `length` most attended rows of each head; see CompressionPolicy.compress."""
        scores = context.attention if context.attention is not None else distinctness(keys)
        kept = strongest(scores, length)
        return pick(keys, kept), pick(values, kept)
