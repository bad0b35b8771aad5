"""The layers of a cache: one that grows and lets gradients flow, and one whose bytes are allocated once."""

import math
import mmap
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import DynamicLayer

from freqkv_cli.kvcache import compiled
from freqkv_cli.kvcache.geometry import Geometry
from freqkv_cli.kvcache.policy import CompressionContext, CompressionPolicy, SelectingPolicy
from freqkv_cli.kvcache.rope import SlotKeys, SlotRotation


class GrowingLayer(DynamicLayer):
    """One layer that is rebuilt out of place, so that gradients flow through it: for training and as a reference.

    keys, values: [batch, kv_heads, slots in use, head_dim].
    """

    keys: Tensor
    values: Tensor

    def compress(
        self,
        geometry: Geometry,
        policy: CompressionPolicy,
        rotation: SlotRotation,
        length: int,
        context: CompressionContext,
    ) -> None:
        """Replace the old slots by `length` ones (FreqKV step 3); sinks and recent tokens stay."""
        old = self._old(geometry)
        keys = rotation.unrotate(self.keys[..., old, :], old.start)
        keys, values = policy.compress(keys, self.values[..., old, :], length, context)
        moved = rotation.move(self.keys[..., old.stop :, :], old.stop, old.start + length)
        keys = torch.cat((rotation.rotate(keys, old.start), moved), dim=-2)
        values = torch.cat((values.to(self.values.dtype), self.values[..., old.stop :, :]), dim=-2)
        self.replace(old.start, keys, values)

    def _old(self, geometry: Geometry) -> slice:
        """The slots between sinks and recent tokens."""
        return slice(geometry.sink_tokens, self.keys.shape[-2] - geometry.recent_tokens)

    def replace(self, start: int, keys: Tensor, values: Tensor) -> None:
        """Let `keys` and `values` be all that stands from slot `start` on, in the dtype of the cache."""
        self.keys = torch.cat((self.keys[..., :start, :], keys.to(self.keys.dtype)), dim=-2)
        self.values = torch.cat((self.values[..., :start, :], values.to(self.values.dtype)), dim=-2)

    def set_length(self, length: int) -> None:
        """Use the first `length` slots, of those in use, and forget the others."""
        self.keys = self.keys[..., :length, :]
        self.values = self.values[..., :length, :]


class FixedLayer(GrowingLayer):
    """One layer whose bytes are allocated once, for inference: keys and values are views of the used slots."""

    def __init__(self, cache_size: int) -> None:
        super().__init__()
        self.cache_size = cache_size

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Allocate the slots, once, in the shape of the first keys; zeroed, so that the memory is really there."""
        self.dtype, self.device = key_states.dtype, key_states.device
        batch, heads, _, key_dim = key_states.shape
        with torch.inference_mode(False):  # or the slots could only ever be written in inference mode
            keys, values = (
                _zeros((batch, heads, self.cache_size, width), self.dtype, self.device)
                for width in (key_dim, value_states.shape[-1])
            )
        self.key_slots, self.value_slots = keys, values
        self.is_initialized = True
        self.set_length(0)

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Write the new rows behind the used slots; return views of all used slots."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        self.replace(self.get_seq_length(), key_states, value_states)
        return self.keys, self.values

    def compress(
        self,
        geometry: Geometry,
        policy: CompressionPolicy,
        rotation: SlotRotation,
        length: int,
        context: CompressionContext,
    ) -> None:
        """The same; on a CPU rows that are kept as they are move within the slots."""
        if not isinstance(policy, SelectingPolicy) or not compiled.applies_to(self.keys, self.values):
            super().compress(geometry, policy, rotation, length, context)
            return
        old = self._old(geometry)
        keys = SlotKeys(self.keys[..., old, :], rotation, old.start)
        kept = policy.choose(keys, self.values[..., old, :], length, context).contiguous()
        compiled.keep(self.keys, self.values, kept, old, rotation.cos, rotation.sin, rotation.scale)
        self.set_length(self.get_seq_length() - (old.stop - old.start) + length)

    def replace(self, start: int, keys: Tensor, values: Tensor) -> None:
        """Write rows from slot `start` on, in place."""
        end = start + keys.shape[-2]
        if end > self.cache_size:
            raise RuntimeError(f"{end} slots asked of {self.cache_size}: make_room() was not called")
        self.key_slots[..., start:end, :] = keys
        self.value_slots[..., start:end, :] = values
        self.set_length(end)

    def set_length(self, length: int) -> None:
        """Use the first `length` slots."""
        self.keys = self.key_slots[..., :length, :]
        self.values = self.value_slots[..., :length, :]

    def reset(self) -> None:
        """Forget everything and keep the bytes."""
        if self.is_initialized:
            self.set_length(0)

    def get_max_length(self) -> int:
        """The hard bound, in slots."""
        return self.cache_size


def _zeros(shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Zeros that were really written. On a CPU in pages of their own, which the system has back with the tensor.

    Caches are forked for every note and every answer. On the heap, small things come to lie in the holes that forks
    leave, the next fork finds no room, and resident memory grows for as long as is read.
    """
    if device.type != "cpu":
        return torch.zeros(shape, dtype=dtype, device=device)
    private = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}  # not on Windows
    pages = mmap.mmap(-1, max(1, math.prod(shape) * dtype.itemsize), **private)
    return torch.frombuffer(pages, dtype=dtype, count=math.prod(shape)).view(shape).zero_()
