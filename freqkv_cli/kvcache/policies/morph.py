"""Each head keeps what the last 32 queries attend to (arXiv 2503.00979).

MorphKV drops one row for each token that it writes; here half of the rows go at once, when the cache is full, so that
the same queries decide about all of them. Keep recent tokens beside it, as MorphKV does.
"""

from torch import Tensor

from freqkv_cli.kvcache.policy import CompressionContext, SelectingPolicy
from freqkv_cli.kvcache.rope import SlotKeys
from freqkv_cli.kvcache.selection import distinctness, strongest


class MorphPolicy(SelectingPolicy):
    """The thread of the text.

    Every head keeps the rows that its queries attend to; what they do not ask for now is gone.

    Where no queries are known (a state of before they were kept), rows are scored as by `keydiff`.
    """

    observation_window = 32

    def choose(self, keys: SlotKeys, values: Tensor, length: int, context: CompressionContext) -> Tensor:
        """Keep the `length` most attended rows of each head; see SelectingPolicy.choose."""
        return strongest(distinctness(keys) if context.attention is None else context.attention, length)
