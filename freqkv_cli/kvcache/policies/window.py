"""StreamingLLM (arXiv 2309.17453): sinks and the most recent tokens; the rest is forgotten."""

from torch import Tensor


class WindowPolicy:
    """The baseline every claim about memory stands beside. It evicts in blocks: between L and T tokens are recent."""

    name = "window"
    evicts = True

    def compress(self, keys: Tensor, values: Tensor, length: int) -> tuple[Tensor, Tensor]:
        """Keep the last `length` rows; see CompressionPolicy.compress."""
        return keys[..., -length:, :], values[..., -length:, :]
