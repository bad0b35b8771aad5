"""The cache of fixed size.

Invariants, each with a test in tests/kvcache/test_cache.py:
  (i)   all layers have the same length <= cache_size;
  (ii)  the key in slot i is rotated by i, so no position ever reaches cache_size;
  (iii) sinks and recent tokens are never altered by the policy (recent keys are re-rotated, not filtered);
  (iv)  a fork never changes its parent;
  (v)   what is in the cache depends on the tokens read, not on how they were cut into chunks.

How it meets transformers: a model calls `update` once per layer and forward, after it has rotated the new keys by
`get_seq_length()`... on. As that length is the number of used slots, the model's own default positions are slot
positions; nothing is patched and neither position_ids nor attention_mask is passed. Compression happens between
forwards (`make_room`), because positions are fixed before the first layer runs.
"""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache

from freqkv_cli.errors import UsageError
from freqkv_cli.kvcache.geometry import Geometry
from freqkv_cli.kvcache.layers import FixedLayer, GrowingLayer
from freqkv_cli.kvcache.observation import ROLLBACK, Observation
from freqkv_cli.kvcache.policy import CompressionContext, CompressionPolicy, ElasticPolicy
from freqkv_cli.kvcache.rope import SlotRotation


class FreqkvCache(Cache):
    """A KV cache that never outgrows its slots; hand it to a model as its `cache` (`past_key_values` before 5.24).

    Call `make_room()` before each forward and feed at most `room` tokens. `tokens_seen` counts every token fed since
    the start, `compressions` the rounds so far. `differentiable=True` builds GrowingLayers for training.
    """

    def __init__(
        self,
        layer_count: int,
        geometry: Geometry,
        policy: CompressionPolicy,
        rotation: SlotRotation,
        *,
        differentiable: bool = False,
    ) -> None:
        layers: list[GrowingLayer] = [
            GrowingLayer() if differentiable else FixedLayer(geometry.cache_size) for _ in range(layer_count)
        ]
        super().__init__(layers=layers)
        self.geometry = geometry
        self.policy = policy
        self.rotation = rotation
        self.compressions = 0
        self.rows_kept = 0  # of the last round: the old slots that stand for more than a token each
        self.observation = Observation(policy.observation_window)
        self._slots_freed = 0
        self._whole = True

    @property
    def length(self) -> int:
        """Slots in use, the same in every layer."""
        return int(self.get_seq_length())

    @property
    def room(self) -> int:
        """Free slots before the next compression."""
        return self.geometry.cache_size - self.length

    @property
    def tokens_seen(self) -> int:
        """Tokens fed since the start, whatever became of them."""
        return self.length + self._slots_freed

    @property
    def nbytes(self) -> int:
        """Bytes held for keys and values, used or not."""
        tensors: list[Tensor] = []
        for layer in self.layers:
            if layer.is_initialized:
                fixed = isinstance(layer, FixedLayer)
                tensors += (layer.key_slots, layer.value_slots) if fixed else (layer.keys, layer.values)
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors)

    def make_room(self, tokens: int = 1) -> None:
        """Compress until at least `tokens` slots are free; nothing happens while they are.

        Raises UsageError when that cannot be: the policy does not compress, or `tokens` is more than a compressed
        cache can ever free.
        """
        while self.room < tokens:
            if not self.policy.evicts:
                raise UsageError(
                    f"the text is longer than the cache of {self.geometry.cache_size} slots, and policy "
                    f"'{self.policy.name}' forgets nothing; use --policy freqkv, or a longer --cache-size"
                )
            rows = self.length - self.geometry.sink_tokens - self.geometry.recent_tokens
            if rows < 2:
                raise UsageError(
                    f"{tokens} tokens do not fit beside {self.geometry.sink_tokens} sink and "
                    f"{self.geometry.recent_tokens} recent tokens in {self.geometry.cache_size} slots; "
                    "give a larger --cache-size"
                )
            self.compress()

    def compress(self) -> None:
        """Run one round of the policy on every layer, whatever the room."""
        before = self.length
        self._whole = False  # whatever ends this early leaves some layers compressed and others not
        with self._writing():
            length, contexts = self._retained(), self._contexts()
            for layer, context in zip(self.layers, contexts, strict=True):
                layer.compress(self.geometry, self.policy, self.rotation.to(layer.keys.device), length, context)
        self.compressions += 1
        self.rows_kept = length
        self.observation.clear()  # those queries were rotated for slots that are no more
        self._slots_freed += before - self.length
        self._whole = True

    def observe(self, layer: int, queries: Tensor, scaling: float) -> None:
        """Take notice of the queries of a forward, [batch, heads, Q, head_dim], rotated, where a policy asks for it."""
        queries = queries[..., -self.observation.window - ROLLBACK :, :] * scaling
        self.observation.add(layer, queries, self.layers[layer].get_seq_length())

    def _retained(self) -> int:
        """L of the next round: what the geometry says, or an elastic policy where queries are known."""
        old = slice(self.geometry.sink_tokens, self.length - self.geometry.recent_tokens)
        if not isinstance(self.policy, ElasticPolicy) or not self.observation.count(0):
            return self.geometry.retained(old.stop - old.start)
        layers = (self.observation.attended(index, layer.keys) for index, layer in enumerate(self.layers))
        return self.policy.choose_length(layers, old)

    def _contexts(self) -> Iterator[CompressionContext]:
        """What the old rows of each layer stand for: every other slot is a token, so they are all the others."""
        tokens = self.tokens_seen - (self.length - self.rows_kept)
        middle = slice(self.geometry.sink_tokens, self.length - self.geometry.recent_tokens)
        for index, layer in enumerate(self.layers):
            attention = self.observation.attention(index, layer.keys) if self.policy.observation_window else None
            if attention is not None:
                attention = attention[..., middle]
            yield CompressionContext(self.rows_kept, tokens, attention, index)

    def truncate(self, tokens: int) -> bool:
        """Forget the rows behind the first `tokens` tokens seen, as of a forward that was stopped half-way.

        Returns False where that cannot be: those rows have been compressed, or a compression was stopped.
        """
        length = tokens - self._slots_freed
        if not self._whole or not 0 <= length <= min(layer.get_seq_length() for layer in self.layers):
            return False
        self.observation.truncate(length)
        for layer in self.layers:
            layer.set_length(length)
        return True

    def restore(
        self, rows: Iterable[tuple[Tensor, Tensor]], tokens_seen: int, compressions: int, rows_kept: int | None = None
    ) -> None:
        """Hold `rows`, the used keys and values of each layer in turn, as after reading `tokens_seen` tokens.

        `rows_kept` is what the last round left; None: what the geometry leaves of a full cache.
        """
        with self._writing():
            for layer, (keys, values) in zip(self.layers, rows, strict=True):
                layer.reset()
                layer.update(keys, values)
        geometry = self.geometry
        if rows_kept is None:
            full = geometry.cache_size - geometry.sink_tokens - geometry.recent_tokens
            rows_kept = geometry.retained(full) if compressions else 0
        self.compressions = compressions
        self.rows_kept = rows_kept
        self.observation.clear()
        self._slots_freed = tokens_seen - self.length
        self._whole = True

    def reset(self) -> None:
        """Forget everything and keep the bytes."""
        super().reset()
        self.compressions = self.rows_kept = self._slots_freed = 0
        self.observation.clear()
        self._whole = True

    def rollback(self, tokens: int) -> None:
        """Forget the last `tokens` tokens, which have been fed since the last compression.

        Raises ValueError if there are not so many beside the sinks.
        """
        length = self.length - tokens
        if not 0 <= length <= self.length or (self.compressions and length < self.geometry.sink_tokens):
            raise ValueError(f"{tokens} tokens cannot be rolled back from {self.length} slots")
        self.observation.truncate(length)
        for layer in self.layers:
            layer.set_length(length)

    def _writing(self) -> AbstractContextManager[Any]:
        """Fixed layers are written in place, so nothing about them is differentiable; growing ones are."""
        return torch.no_grad() if isinstance(self.layers[0], FixedLayer) else nullcontext()

    def fork(self) -> "FreqkvCache":
        """Return an independent copy in its own bytes; this cache does not change with it, nor it with this one."""
        twin = self.blank()
        twin.copy_from(self)
        return twin

    def blank(self) -> "FreqkvCache":
        """Return an empty cache for the same model, with the same slots and policy."""
        return FreqkvCache(
            len(self.layers),
            self.geometry,
            self.policy,
            self.rotation,
            differentiable=not isinstance(self.layers[0], FixedLayer),
        )

    def copy_from(self, other: "FreqkvCache") -> None:
        """Become equal to `other`, a cache of the same geometry, in the bytes already held here."""
        if other.geometry != self.geometry:
            raise ValueError("a cache can only be copied into one of the same geometry")
        with self._writing():
            for mine, theirs in zip(self.layers, other.layers, strict=True):
                mine.reset()
                if theirs.is_initialized:
                    mine.update(theirs.keys, theirs.values)
        self.compressions = other.compressions
        self.rows_kept = other.rows_kept
        self.observation = other.observation.copy()
        self._slots_freed = other._slots_freed


def make_cache(
    model: Any, geometry: Geometry, policy: CompressionPolicy, *, window: int, differentiable: bool = False
) -> FreqkvCache:
    """Return an empty cache for `model`, a supported transformers causal LM trained on positions 0..window-1.

    Raises UsageError when the cache would be larger than the window that the model was trained with.
    """
    if geometry.cache_size > window:
        raise UsageError(f"--cache-size {geometry.cache_size} is more than the model's window of {window} tokens")
    rotary = model.base_model.rotary_emb
    rotation = SlotRotation.from_module(rotary, geometry.cache_size, rotary.inv_freq.device)
    return FreqkvCache(model.config.num_hidden_layers, geometry, policy, rotation, differentiable=differentiable)
