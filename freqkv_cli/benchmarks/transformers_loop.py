"""transformers as a backend: the same model in a loop of a few lines, with its own cache, which keeps everything."""

import os
import time
from collections.abc import Iterator, Sequence

import torch
from transformers import DynamicCache

from freqkv_cli.benchmarks.backends import Writing, timed_pieces
from freqkv_cli.inference.engine import cache_argument
from freqkv_cli.inference.engine_clock import wait_for
from freqkv_cli.measurement.subject import Subject

ATTENTION = "sdpa"


class TransformersLoop:
    """Reads with a DynamicCache, as far as the model's window."""

    name = "transformers"

    def __init__(self, subject: Subject) -> None:
        self.limit: int | None = subject.window
        self.pid = os.getpid()
        self._model = subject.loaded.model
        self._chunk = subject.chunk
        self._cache = DynamicCache()
        self._cache_argument = cache_argument(self._model)

    def clear(self) -> None:
        """Start with an empty cache."""
        self._model.set_attn_implementation(ATTENTION)
        self._cache = DynamicCache()

    def read(self, ids: Sequence[int]) -> Iterator[tuple[int, float]]:
        """Prefill; see Backend.read."""
        yield from timed_pieces(self._prefill(ids), self._model.device)

    @torch.inference_mode()
    def write(self, request: Sequence[int], count: int) -> Writing:
        """Answer, then crop what was read and written for it; see Backend.write."""
        before = self._cache.get_seq_length()
        wait_for(self._model.device)
        began = time.perf_counter()
        token = int(self._forward(request).argmax())
        first = time.perf_counter()
        for _ in range(count - 1):
            token = int(self._forward([token]).argmax())
        ended = time.perf_counter()
        self._cache.crop(before - self._cache.get_seq_length())
        return Writing(first - began, ended - first, count)

    def slots(self) -> int:
        """Tokens held."""
        return int(self._cache.get_seq_length())

    def cache_bytes(self) -> int:
        """Bytes of all keys and values."""
        tensors = [tensor for layer in self._cache.layers for tensor in (layer.keys, layer.values)]
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors)

    def compression_seconds(self) -> float:
        """It compresses nothing."""
        return 0.0

    @torch.inference_mode()
    def _prefill(self, ids: Sequence[int]) -> Iterator[int]:
        for start in range(0, len(ids), self._chunk):
            piece = ids[start : start + self._chunk]
            self._forward(piece)
            yield len(piece)

    def _forward(self, ids: Sequence[int]) -> torch.Tensor:
        batch = torch.tensor([list(ids)], device=self._model.device)
        output = self._model(input_ids=batch, use_cache=True, logits_to_keep=1, **{self._cache_argument: self._cache})
        logits: torch.Tensor = output.logits[0, -1]
        return logits
