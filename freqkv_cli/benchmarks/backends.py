"""Backends: the ways to read and write that a benchmark puts side by side, all driven in the same manner."""

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from freqkv_cli.inference.attention import register_attention
from freqkv_cli.inference.engine_clock import EngineClock, wait_for
from freqkv_cli.inference.sampling import Sampler, Sampling
from freqkv_cli.measurement.policy_specs import PolicySpec
from freqkv_cli.measurement.subject import Subject


@dataclass(frozen=True, slots=True)
class Writing:
    """An answer: seconds to its first token and for those that followed, and how many tokens there were in all."""

    first_token: float
    following: float
    tokens: int

    @property
    def speed(self) -> float | None:
        """Tokens per second after the first; None when there was only one."""
        return (self.tokens - 1) / self.following if self.tokens > 1 and self.following else None


class Backend(Protocol):
    """A way to read.

    name: for tables. limit: how many tokens it can hold, None when there is no end. pid: the process that reads.
    """

    name: str
    limit: int | None
    pid: int

    def clear(self) -> None:
        """Forget everything."""

    def read(self, ids: Sequence[int]) -> Iterator[tuple[int, float]]:
        """Read `ids` after what was read before; yield for each piece its tokens and its seconds."""

    def write(self, request: Sequence[int], count: int) -> Writing:
        """Read `request`, write `count` tokens greedily, and be as before."""

    def slots(self) -> int:
        """Slots in use now: the tokens that an answer attends to."""

    def cache_bytes(self) -> int:
        """Bytes of keys and values held now, used or not."""

    def compression_seconds(self) -> float:
        """Seconds spent on compression since `clear`."""


class PolicyBackend:
    """freqkv itself with one of its policies, as its commands read and answer (without the chat format)."""

    def __init__(self, subject: Subject, spec: PolicySpec) -> None:
        self.name = spec.label
        self.limit = spec.limit
        self.pid = os.getpid()
        self._model = subject.loaded.model
        self._attention = register_attention()
        self._cache = spec.new_cache(subject)
        self._engine = spec.new_engine(subject)

    def clear(self) -> None:
        """Give the bytes of the cache back."""
        self._model.set_attn_implementation(self._attention)  # other readers of the same model choose their own
        self._cache = self._cache.blank()
        self._engine.clock = EngineClock(self._engine.device)

    def read(self, ids: Sequence[int]) -> Iterator[tuple[int, float]]:
        """Prefill; see Backend.read."""
        yield from timed_pieces(self._engine.prefill(self._cache, ids), self._engine.device)

    def write(self, request: Sequence[int], count: int) -> Writing:
        """Answer on a fork, with room for all of it; see Backend.write."""
        wait_for(self._engine.device)
        began = time.perf_counter()
        fork = self._cache.fork()
        fork.make_room(min(len(request) + count, max(len(request), fork.geometry.free_slots // 4)))
        logits = self._engine.read(fork, list(request))
        assert logits is not None
        written = self._engine.decode(fork, logits, Sampler(Sampling()), stop=frozenset(), max_tokens=count)
        next(written)
        first = time.perf_counter()
        tokens = 1 + sum(1 for _ in written)
        return Writing(first - began, time.perf_counter() - first, tokens)

    def slots(self) -> int:
        """Slots in use."""
        return self._cache.length

    def cache_bytes(self) -> int:
        """Bytes of the cache, without those of a fork."""
        return self._cache.nbytes

    def compression_seconds(self) -> float:
        """Seconds in `make_room`, on the device."""
        return self._engine.clock.compression

    @property
    def notes(self) -> list[str]:
        """What should be known of how it reads and writes."""
        return list(self._engine.notes)


def timed_pieces(pieces: Iterator[int], device: torch.device) -> Iterator[tuple[int, float]]:
    """Yield every piece with the seconds it took; at last 0 tokens with the seconds that a GPU still worked on."""
    while True:
        began = time.perf_counter()
        size = next(pieces, None)
        if size is None:
            wait_for(device)
        yield size or 0, time.perf_counter() - began
        if size is None:
            return
