"""A sequence through the cache of fixed size, chunk by chunk, so that gradients flow across its compressions.

The same loop as reading: make room, then forward a chunk that fits. Only what was read before is ever compressed, so no
token sees its own future.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.utils.checkpoint import checkpoint

from freqkv_cli.inference.attention import observed_by
from freqkv_cli.inference.engine import cache_argument
from freqkv_cli.kvcache.cache import FreqkvCache


@dataclass(frozen=True, slots=True)
class Unrolling:
    """Runs a causal LM over whole sequences; the head is left to whoever takes the hidden states.

    new_cache: makes an empty differentiable cache. chunk: the most tokens of one forward. recompute: keep only the
    cache between chunks and run each chunk's forward again in the backward pass (transformers' own checkpointing would
    drop the cache).
    """

    model: Any
    new_cache: Callable[[], FreqkvCache]
    chunk: int = 512
    recompute: bool = False

    def run(self, ids: Tensor) -> Iterator[tuple[int, Tensor]]:
        """Yield each chunk of `ids` [batch, tokens]: its first place and its hidden states [batch, chunk, width]."""
        cache, start = self.new_cache(), 0
        while start < ids.shape[1]:
            if self.recompute:
                hidden, cache = self._recomputed(cache, ids[:, start:])
            else:
                hidden = self._advance(cache, ids[:, start:])
            yield start, hidden
            start += hidden.shape[1]

    def _advance(self, cache: FreqkvCache, ids: Tensor) -> Tensor:
        """Read as many of `ids` as fit into `cache` at once; return their hidden states."""
        cache.make_room()
        chunk = ids[:, : min(self.chunk, cache.room)]
        reader = self.model.base_model
        # As in the engine: the model's default positions are slot positions.
        with observed_by(cache.observe if cache.policy.observation_window else None):
            output = reader(input_ids=chunk, use_cache=True, **{cache_argument(reader): cache})
        hidden: Tensor = output.last_hidden_state
        return hidden

    def _recomputed(self, cache: FreqkvCache, ids: Tensor) -> tuple[Tensor, FreqkvCache]:
        """`_advance` on a copy of `cache`, of which nothing but the slots after is kept for the backward pass."""
        after: list[FreqkvCache] = []

        def advance() -> Tensor:
            own = self.new_cache()
            own.copy_from(cache)
            hidden = self._advance(own, ids)
            if not after:  # else this is the second time, in the backward pass
                after.append(own)
            return hidden

        hidden: Tensor = checkpoint(advance, use_reentrant=False, preserve_rng_state=False, determinism_check="none")
        return hidden, after[0]
