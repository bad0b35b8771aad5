"""Rotary positions of cache slots: put a key into its slot's rotation, and take it out again exactly.

A slot is a position: the key in slot i is rotated by i, whatever its place in the document. The tables are read
from the model's own rotary module, so that every rope type (linear, llama3, YaRN, ...) is exactly the model's.
"""

from functools import cached_property
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
        return self._turn(x, start, 1.0)

    def unrotate(self, x: Tensor, start: int) -> Tensor:
        """Undo `rotate`: [..., n, head_dim] out of slots start..start+n-1, position-free; fp32."""
        free = self._turn(x, start, -1.0)
        return free if self.scale == 1.0 else free / self.scale**2

    def move(self, x: Tensor, start: int, to: int) -> Tensor:
        """Move rotated keys `x` from slots start.. to slots to..; fp32."""
        return self.rotate(self.unrotate(x, start), to)

    def to(self, device: torch.device) -> "SlotRotation":
        """The same tables on another device."""
        return SlotRotation(self.cos.to(device), self.sin.to(device), self.scale)

    def _turn(self, x: Tensor, start: int, sense: float) -> Tensor:
        """Llama's layout: channels d and d + head_dim/2 are the two coordinates of one rotating pair."""
        first, second = x.to(self.cos.dtype).chunk(2, dim=-1)
        span, half = slice(start, start + x.shape[-2]), first.shape[-1]  # the tables say everything twice
        cos, sin = self.cos[span, :half], self.sin[span, :half]
        return torch.cat(
            (
                torch.addcmul(first * cos, second, sin, value=-sense),
                torch.addcmul(second * cos, first, sin, value=sense),
            ),
            dim=-1,
        )


class SlotKeys:
    """Keys of neighbouring slots, [batch, kv_heads, T, head_dim], as they lie there and without their position.

    Args:
        stored: rotated by `rotation` for the slots start, start + 1, ...
        rotation: None where they have no position.
    """

    def __init__(self, stored: Tensor, rotation: SlotRotation | None = None, start: int = 0) -> None:
        self.stored = stored
        self.rotation = rotation
        self.start = start

    @cached_property
    def free(self) -> Tensor:
        """Without position, fp32 or wider. It is worked out for those who ask, which takes longer than choosing."""
        return self.stored if self.rotation is None else self.rotation.unrotate(self.stored, self.start)

    @property
    def tables(self) -> tuple[Tensor, Tensor, float]:
        """cos and sin of each row's slot, [T, head_dim], and the scale; those of no rotation turn nothing."""
        if self.rotation is None:
            return torch.ones(self.stored.shape[-2:]), torch.zeros(self.stored.shape[-2:]), 1.0
        span = slice(self.start, self.start + self.stored.shape[-2])
        return self.rotation.cos[span], self.rotation.sin[span], self.rotation.scale
