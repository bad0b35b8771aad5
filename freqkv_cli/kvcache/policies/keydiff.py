"""KeyDiff (arXiv 2504.15364): keep the keys that look least like the others; no attention is needed."""

from torch import Tensor

from freqkv_cli.kvcache.policies.past import FRESH, Past
from freqkv_cli.kvcache.rows import distinctness, pick, strongest


class KeydiffPolicy:
    """Every head keeps rows of its own; what is kept is verbatim, what is not is gone."""

    name = "keydiff"
    evicts = True
    observes = 0

    def compress(self, keys: Tensor, values: Tensor, length: int, past: Past = FRESH) -> tuple[Tensor, Tensor]:
        """Keep the `length` most distinct rows of each head; see CompressionPolicy.compress."""
        kept = strongest(distinctness(keys), length)
        return pick(keys, kept), pick(values, kept)
