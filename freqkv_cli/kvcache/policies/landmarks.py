"""freqkv's own: low-pass the drift, keep landmarks verbatim.

Most rows say again, a little differently, what their neighbours say; a few stand out, and it is these that carry a name
or a number. So every head keeps the rows that stand out as they are, and filters what lies between them harder.
Nothing needs to be remembered about which rows are landmarks: next time they stand out again, from rows that have been
smoothed since.
"""

import torch
from torch import Tensor

from freqkv_cli.kvcache.policies.past import FRESH, Past
from freqkv_cli.kvcache.rows import distinctness, pick
from freqkv_cli.kvcache.spans import span_means

VERBATIM = 0.5  # share of the rows that remain


class LandmarksPolicy:
    """Landmarks and means in the order of time. See docs/experiments.md for the variants that were tried."""

    name = "landmarks"
    evicts = True
    observes = 0

    def compress(self, keys: Tensor, values: Tensor, length: int, past: Past = FRESH) -> tuple[Tensor, Tensor]:
        """Keep the most distinct rows of each head, and means of the others; see CompressionPolicy.compress."""
        verbatim = round(VERBATIM * length)
        order = distinctness(keys).argsort(dim=-1, descending=True)
        marks, others = order[..., :verbatim].sort(dim=-1).values, order[..., verbatim:].sort(dim=-1).values
        smooth = length - verbatim
        # A mean stands where, in the mean, its rows stood.
        middles = span_means(others.unsqueeze(-1).float(), smooth).squeeze(-1)
        in_time = torch.cat((marks.float(), middles), dim=-1).argsort(dim=-1, stable=True)
        joined = (
            torch.cat((pick(x, marks), span_means(pick(x, others), smooth).to(x.dtype)), dim=-2) for x in (keys, values)
        )
        new_keys, new_values = (pick(x, in_time) for x in joined)
        return new_keys, new_values
