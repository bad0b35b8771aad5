"""StreamingLLM (arXiv 2309.17453): sinks and the most recent tokens; the rest is forgotten."""

from torch import Tensor

from freqkv_cli.kvcache.policies.past import FRESH, Past


class WindowPolicy:
    """The baseline every claim about memory stands beside. It evicts in blocks: between L and T tokens are recent."""

    name = "window"
    evicts = True
    observes = 0

    def compress(self, keys: Tensor, values: Tensor, length: int, past: Past = FRESH) -> tuple[Tensor, Tensor]:
        """Keep the last `length` rows; see CompressionPolicy.compress."""
        # A copy: the rows may be written to where, at a large retain ratio, they still lie themselves.
        return keys[..., -length:, :], values[..., -length:, :].clone()
