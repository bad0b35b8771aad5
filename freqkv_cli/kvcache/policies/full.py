"""None is touched; a text beyond the model's window is refused."""

from torch import Tensor

from freqkv_cli.kvcache.policy import FRESH, CompressionContext, CompressionPolicy, Rows


class FullPolicy(CompressionPolicy):
    """The ceiling.

    Refuses to make room: a document beyond the window is an error, never a silent loss.
    """

    evicts = False

    def compress(self, keys: Tensor, values: Tensor, length: int, context: CompressionContext = FRESH) -> Rows:
        """Never called by a cache, which asks `evicts` first."""
        raise RuntimeError("the full policy does not compress")
