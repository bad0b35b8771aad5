"""Rotary positions of cache slots: put a key into its slot's rotation, and take it out again exactly.

A slot is a position: the key in slot i is rotated by i, whatever its place in the document. The tables are read
from the model's own rotary module, so that every rope type (linear, llama3, YaRN, ...) is exactly the model's.
"""

from typing import Any

import torch
from torch import Tensor


class SlotRotation:
    """cos and sin of slots 0..cache_size-1, each [cache_size, head_dim] in fp32.

    `scale` is the attention scaling that the tables carry (YaRN and the like): a rotated key is `scale` times longer
    than the key itself, and taking the rotation out divides by it twice (once more for the tables' own factor).
    """

    def __init__(self, cos: Tensor, sin: Tensor, scale: float = 1.0) -> None:
        self.cos = cos
        self.sin = sin
        self.scale = scale

    @classmethod
    def from_module(cls, rotary: Any, cache_size: int, device: torch.device) -> "SlotRotation":
        """Read the tables out of `rotary`, a transformers rotary embedding: (x, position_ids) -> (cos, sin)."""
        positions = torch.arange(cache_size, device=device).unsqueeze(0)
        with torch.no_grad():
            cos, sin = rotary(torch.empty(1, 1, 1, device=device, dtype=torch.float32), position_ids=positions)
        return cls(cos[0].float(), sin[0].float(), float(getattr(rotary, "attention_scaling", 1.0)))

    def rotate(self, x: Tensor, start: int) -> Tensor:
        """Rotate `x` [..., n, head_dim] into slots start..start+n-1; fp32 in, fp32 out."""
        return _turn(x, *self._tables(start, x.shape[-2]))

    def unrotate(self, x: Tensor, start: int) -> Tensor:
        """Undo `rotate`: [..., n, head_dim] out of slots start..start+n-1, position-free; fp32."""
        cos, sin = self._tables(start, x.shape[-2])
        free = _turn(x, cos, -sin)
        return free if self.scale == 1.0 else free / self.scale**2

    def move(self, x: Tensor, start: int, to: int) -> Tensor:
        """Move rotated keys `x` from slots start.. to slots to..; fp32."""
        return self.rotate(self.unrotate(x, start), to)

    def to(self, device: torch.device) -> "SlotRotation":
        """The same tables on another device."""
        return SlotRotation(self.cos.to(device), self.sin.to(device), self.scale)

    def _tables(self, start: int, count: int) -> tuple[Tensor, Tensor]:
        span = slice(start, start + count)
        return self.cos[span], self.sin[span]


def _turn(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate in fp32, in Llama's layout: channels d and d + head_dim/2 are the two coordinates of one rotating pair."""
    first, second = x.to(cos.dtype).chunk(2, dim=-1)
    half = first.shape[-1]
    cos, sin = cos[:, :half], sin[:, :half]  # the tables say everything twice
    return torch.cat((torch.addcmul(first * cos, second, -sin), torch.addcmul(second * cos, first, sin)), dim=-1)
