"""Forwards of one token in shapes that never change, so that a GPU can be told all of it with one call.

An ordinary forward looks at the slots in use, one more for each token: its shapes change, and the host must hand a GPU
some thousand kernels anew, which takes longer than these kernels do. A step looks at all slots, of which those
not in use are hidden; where its token goes is a number on the device, and it is written there in place. So the same
kernels on the same addresses serve every token, and CUDA replays them as a graph. On other devices a step
runs as it is; the tests compare it with ordinary forwards there.
"""

from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from transformers.cache_utils import Cache, DynamicLayer

from freqkv_cli.inference.attention import observed_by
from freqkv_cli.kvcache.cache import FreqkvCache
from freqkv_cli.kvcache.layers import FixedLayer
from freqkv_cli.kvcache.observation import ROLLBACK

WARM_UPS = 3  # forwards before the first capture, in which libraries set up what a graph must not
WORTHWHILE = 16  # tokens of an answer for which a graph pays: capturing takes as long as a few forwards
TOLERANCE = 0.2  # of logits, to their spread: several times what rounding to 16 bits does


class AllSlots(DynamicLayer):
    """A layer of a cache as a step sees it: all slots, and a new row goes to the slot that `place`, [1], says."""

    def __init__(self, layer: FixedLayer, place: Tensor) -> None:
        super().__init__()
        self.keys, self.values, self.place = layer.key_slots, layer.value_slots, place
        self.dtype, self.device, self.is_initialized = layer.dtype, layer.device, True

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Write the row, [batch, kv_heads, 1, head_dim], into its slot; return all slots."""
        self.keys.index_copy_(2, self.place, key_states)
        self.values.index_copy_(2, self.place, value_states)
        return self.keys, self.values


class StaticStep:
    """The step of one cache; it holds the cache's slots and not the cache. Everything it reads and writes has one
    address. Queries that a policy wants to know of are held back until `flush`, for all layers at once.
    """

    def __init__(self, model: Any, cache: FreqkvCache, cache_argument: str, warm_ups: int = 0) -> None:
        device = model.device
        self._model, self._cache_argument = model, cache_argument
        self._token = torch.zeros((1, 1), dtype=torch.long, device=device)
        self._place = torch.full((1,), cache.length, dtype=torch.long, device=device)
        self._slots = torch.arange(cache.geometry.cache_size, device=device)
        self._view = Cache(layers=[AllSlots(layer, self._place) for layer in cache.layers])
        self._observes = cache.policy.observation_window > 0
        self._most = cache.policy.observation_window + ROLLBACK
        self._queries: dict[int, Tensor] = {}
        self._held: list[Tensor] = []
        self._graph: torch.cuda.CUDAGraph | None = None
        self._logits, self._seen = Tensor(), Tensor()
        if device.type == "cuda":
            self._capture(device, warm_ups)

    def forward(self, cache: FreqkvCache, ids: Tensor) -> Tensor:
        """Read `ids`, [1, 1], into `cache`, the one it was made for, with room; return logits, [1, vocabulary]."""
        length = cache.length
        self._token.copy_(ids)
        self._place.fill_(length)
        if self._graph is None:
            self._compute()
        else:
            self._graph.replay()
        for layer in cache.layers:
            layer.set_length(length + 1)
        if self._observes:
            self._held = [*self._held[1 - self._most :], self._seen.clone()]
        return self._logits.clone()

    def flush(self, cache: FreqkvCache) -> None:
        """Let `cache` know the queries of the tokens read since the last time."""
        if self._held:
            for index, queries in enumerate(torch.cat(self._held, dim=-2)):
                cache.observation.add(index, queries, cache.length)
            self._held = []

    def _compute(self) -> None:
        hidden = torch.where(self._slots <= self._place, 0.0, float("-inf"))  # float32: see attention.py
        with observed_by(self._observe if self._observes else None):
            output = self._model(
                input_ids=self._token,
                position_ids=self._place[None],
                attention_mask=hidden[None, None, None],
                use_cache=True,
                logits_to_keep=1,
                **{self._cache_argument: self._view},
            )
        self._logits = output.logits[0]
        if self._observes:
            self._seen = torch.stack([self._queries[index] for index in sorted(self._queries)])

    def _observe(self, layer: int, queries: Tensor, scaling: float) -> None:
        self._queries[layer] = queries * scaling

    def _capture(self, device: torch.device, warm_ups: int) -> None:
        with torch.cuda.device(device):
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                for _ in range(warm_ups):
                    self._compute()
            torch.cuda.current_stream().wait_stream(side)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                self._compute()
            self._graph = graph


class StaticSteps:
    """The steps of one model, a step for each cache that lives. Where there can be none, `notes` is told why, once."""

    def __init__(self, model: Any, cache_argument: str, notes: list[str]) -> None:
        self._model, self._cache_argument, self._notes = model, cache_argument, notes
        self._failed = False
        self._checked = False
        self._steps: WeakKeyDictionary[FreqkvCache, StaticStep] = WeakKeyDictionary()

    def step(self, cache: FreqkvCache) -> StaticStep | None:
        """Return the step of `cache`, which has room for a token; None where ordinary forwards have to do."""
        if self._failed or not all(
            isinstance(layer, FixedLayer) and layer.is_initialized and layer.key_slots.shape[0] == 1
            for layer in cache.layers
        ):
            return None
        if cache not in self._steps:
            try:
                warm_ups = 0 if self._checked else WARM_UPS
                step = StaticStep(self._model, cache, self._cache_argument, warm_ups)
                if not self._checked:
                    self._check(cache, step)
            except (RuntimeError, TypeError, NotImplementedError) as error:
                # A kernel that waits for the host, or an attention that cannot do with a mask.
                told = str(error).strip().splitlines()
                self._failed = True
                reason = told[0][:160] if told else type(error).__name__
                self._notes.append(f"answers are written kernel by kernel, without a CUDA graph: {reason}")
                return None
            self._steps[cache] = step
        return self._steps[cache]

    def _check(self, cache: FreqkvCache, step: StaticStep) -> None:
        """Raise RuntimeError unless a step gives the logits of an ordinary forward; `cache` stays as it was."""
        ids = torch.zeros((1, 1), dtype=torch.long, device=self._model.device)
        observation = cache.observation
        cache.observation = observation.copy()
        try:
            with observed_by(None):
                ordinary = self._model(input_ids=ids, use_cache=True, **{self._cache_argument: cache}).logits[0].float()
            cache.rollback(1)
            static = step.forward(cache, ids).float()
            cache.rollback(1)
        finally:
            step._held = []
            cache.observation = observation
        if not bool((static - ordinary).std() < TOLERANCE * ordinary.std()):
            raise RuntimeError("its numbers are not those of an ordinary forward")
        self._checked = True
