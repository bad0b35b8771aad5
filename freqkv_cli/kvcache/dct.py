"""The filter of FreqKV: a low-pass along the sequence that turns T rows into L < T rows.

The map (arXiv 2505.00570, section 3) is: orthonormal DCT-II of length T, keep the lowest L coefficients,
orthonormal inverse DCT of length L, times sqrt(L/T). Its rows sum to 1, so a constant stays what it is.
Both cosine transforms are computed with one complex FFT each (Makhoul 1980): a dense L x T matrix would cost a sixth of
all reading on a small model. Channels are filtered alone, so two of them travel as one complex number. For L = T/2
and most T, kvcache/fast_lowpass.py is quicker still.
"""

import math
from functools import lru_cache

import torch
from torch import Tensor


def lowpass(x: Tensor, length: int) -> Tensor:
    """Return the low-pass of `x` with `length` rows.

    Args:
        x: [..., T, channels], floating point; 16-bit input is filtered in fp32. `channels` is even.
        length: L, 1 <= L <= T.

    Returns:
        [..., L, channels] in fp32 (fp64 for fp64 input); differentiable.
    """
    rows = x.shape[-2]
    if not 1 <= length <= rows:
        raise ValueError(f"cannot filter {rows} rows down to {length}")
    wide = x if x.dtype == torch.float64 else x.float()
    if length == rows:
        return wide
    spectrum = _fft_of_folded(wide)
    down, up = _twiddles(rows, length, spectrum.dtype, x.device)
    mirrored = torch.cat((spectrum[..., :1, :], spectrum[..., rows - length + 1 :, :].flip(-2)), dim=-2)
    cosines = torch.addcmul(down.conj().resolve_conj() * mirrored, down, spectrum[..., :length, :])
    opposite = torch.nn.functional.pad(cosines[..., 1:, :].flip(-2), (0, 0, 1, 0))
    unfolded = torch.fft.ifft(up * torch.sub(cosines, opposite, alpha=1j), dim=-2)
    half = (length + 1) // 2
    out = torch.empty_like(unfolded) if not unfolded.requires_grad else torch.zeros_like(unfolded)
    out[..., 0::2, :] = unfolded[..., :half, :]
    out[..., 1::2, :] = unfolded[..., half:, :].flip(-2)
    return torch.view_as_real(out).flatten(-2)


def _fft_of_folded(x: Tensor) -> Tensor:
    """FFT along the rows of real `x`, channels in pairs: even rows upwards, then odd rows downwards.

    In that order an FFT of length T holds a DCT of length T.
    """
    pairs = torch.view_as_complex(x.unflatten(-1, (-1, 2)))
    return torch.fft.fft(torch.cat((pairs[..., 0::2, :], pairs[..., 1::2, :].flip(-2)), dim=-2), dim=-2)


@lru_cache(maxsize=64)
@torch.inference_mode(False)  # what is kept here serves training as well
def _twiddles(rows: int, length: int, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """Phases [L, 1] that turn an FFT of length T into cosines, and cosines into an FFT of length L.

    The orthonormal scales of both transforms and sqrt(L/T) meet in one factor L/(2T), which `down` carries.
    """
    k = torch.arange(length, dtype=torch.float64)
    down = torch.polar(torch.full_like(k, length / (2 * rows)), -math.pi * k / (2 * rows))
    up = torch.polar(torch.ones_like(k), math.pi * k / (2 * length))
    return down.to(device, dtype).unsqueeze(-1), up.to(device, dtype).unsqueeze(-1)
