"""Means over spans of equal width, where rows may stand for more than one token and spans may cut through rows."""

from functools import lru_cache

import torch
from torch import Tensor


def span_means(x: Tensor, length: int, kept: int = 0, tokens: int = 0) -> Tensor:
    """Return the means of `x` over `length` spans of equally many tokens.

    Args:
        x: [..., T, channels], floating point; 16-bit input is averaged in fp32.
        length: L, 1 <= L <= T.
        kept, tokens: the first `kept` rows stand for `tokens` tokens, each for as many; the others stand for one each.

    Returns:
        [..., L, channels] in fp32 (fp64 for fp64 input); differentiable. A constant stays what it is, and every token
        has the same total weight, L / (all tokens).
    """
    wide = x if x.dtype == torch.float64 else x.float()
    if not kept and x.shape[-2] == 2 * length:
        return wide.unflatten(-2, (length, 2)).mean(-2)
    pieces, spans, weights = _pieces(x.shape[-2], length, kept, tokens, wide.dtype, x.device)
    weighted = wide.index_select(-2, pieces) * weights
    means = wide.new_zeros((*x.shape[:-2], length, x.shape[-1]))
    return means.index_add(-2, spans, weighted)


@lru_cache(maxsize=16)
@torch.inference_mode(False)  # what is kept here serves training as well
def _pieces(
    rows: int, length: int, kept: int, tokens: int, dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """Cut all where a row or a span ends: of each piece its row, its span, and its share of the span [pieces, 1]."""
    widths = torch.ones(rows, dtype=torch.float64)
    widths[:kept] = tokens / max(kept, 1)
    row_ends = widths.cumsum(0)
    width = row_ends[-1] / length
    span_ends = torch.arange(1, length + 1, dtype=torch.float64) * width
    ends = torch.cat((row_ends, span_ends[:-1])).sort().values
    starts = torch.cat((ends.new_zeros(1), ends[:-1]))
    centres, shares = (starts + ends) / 2, (ends - starts) / width
    owners = torch.searchsorted(row_ends, centres).clamp(max=rows - 1)
    spans = torch.searchsorted(span_ends, centres).clamp(max=length - 1)
    return owners.to(device), spans.to(device), shares.to(device, dtype).unsqueeze(-1)
