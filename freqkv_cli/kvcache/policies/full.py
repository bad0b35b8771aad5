"""The untouched cache: exact, and only as long as the model's window."""

from torch import Tensor

from freqkv_cli.kvcache.policies.past import FRESH, Past


class FullPolicy:
    """Refuses to make room: a document beyond the window is an error, never a silent loss."""

    name = "full"
    evicts = False
    observes = 0

    def compress(self, keys: Tensor, values: Tensor, length: int, past: Past = FRESH) -> tuple[Tensor, Tensor]:
        """Never called by a cache, which asks `evicts` first."""
        raise RuntimeError("the full policy does not compress")
