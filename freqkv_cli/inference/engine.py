"""Prefill and decode: the only caller of the model. The engine sees tokens, never text."""

import inspect
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from freqkv_cli.inference.attention import observed_by
from freqkv_cli.inference.cpu.decode import MOST, cpu_decoder, must_compile
from freqkv_cli.inference.lookahead import Lookahead
from freqkv_cli.inference.sampling import Sampler
from freqkv_cli.kvcache.cache import FreqkvCache


@dataclass(slots=True)
class EngineClock:
    """Seconds spent so far, by what they were spent on, and the number of forwards."""

    forward: float = 0.0
    compression: float = 0.0
    forwards: int = 0


@dataclass(slots=True)
class Engine:
    """Feeds tokens to a causal LM through a cache of fixed size.

    chunk: the most tokens of one forward. It moves speed and memory, not results (up to the rounding of the dtype).
    """

    model: Any
    chunk: int = 512
    clock: EngineClock = field(default_factory=EngineClock)
    _cache_argument: str = field(init=False)

    def __post_init__(self) -> None:
        self._cache_argument = cache_argument(self.model)

    @property
    def device(self) -> torch.device:
        """Where token ids go."""
        device: torch.device = self.model.device
        return device

    @property
    def must_compile(self) -> bool:
        """Whether writing begins with a wait for a compiler, once on a machine."""
        return must_compile(self.model)

    @torch.inference_mode()
    def prefill(self, cache: FreqkvCache, tokens: Iterable[int]) -> Generator[int, None, Tensor | None]:
        """Read `tokens` into `cache`, yielding the size of each chunk when it has been read.

        Returns the logits after the last token, [vocabulary], or None if there were no tokens.
        """
        stream, logits = iter(tokens), None
        for first in stream:  # room is made only when there is something to read
            self._make_room(cache)
            ids = [first, *islice(stream, min(self.chunk, cache.room) - 1)]
            logits = self.forward(cache, ids)
            yield len(ids)
        return logits

    def read(self, cache: FreqkvCache, tokens: Iterable[int]) -> Tensor | None:
        """`prefill` in one go, for short texts."""
        chunks = self.prefill(cache, tokens)
        while True:
            try:
                next(chunks)
            except StopIteration as end:
                logits: Tensor | None = end.value
                return logits

    @torch.inference_mode()
    def decode(
        self,
        cache: FreqkvCache,
        logits: Tensor,
        sampler: Sampler,
        *,
        stop: frozenset[int],
        max_tokens: int,
        context: Sequence[int] = (),
    ) -> Iterator[int]:
        """Yield at most `max_tokens` new token ids, ending before the first id in `stop`.

        Where a greedy answer repeats `context` (its request), several tokens are tried in one forward; the ones that
        would have been picked one by one are kept. When this ends, the cache holds all tokens yielded but the last.
        """
        lookahead = Lookahead(context) if context and sampler.sampling.is_plain else None
        rows = [logits]  # of the tokens to pick next
        try:
            for written in range(1, max_tokens + 1):
                token = sampler.pick(rows.pop(0))
                if token in stop:
                    return
                yield token
                if written < max_tokens and not rows:
                    self._make_room(cache)
                    most = min(max_tokens - written, cache.room) - 1
                    guess = lookahead.guess(sampler.picked, most, stop) if lookahead is not None else []
                    rows = self._try(cache, token, guess)
                    if lookahead is not None:
                        lookahead.learn(len(guess), len(rows) - 1)
        finally:
            if rows:  # whoever listened has left in the middle of a guess
                cache.rollback(len(rows))

    def _try(self, cache: FreqkvCache, token: int, guess: list[int]) -> list[Tensor]:
        """Read `token` and what of `guess` the model agrees with; return the logits after each token read."""
        rows = list(self.run(cache, [token, *guess], 1 + len(guess), few=True))
        right = 0
        while right < len(guess) and int(rows[right].argmax()) == guess[right]:
            right += 1
        if right < len(guess):
            cache.rollback(len(guess) - right)
        return rows[: right + 1]

    @torch.inference_mode()
    def score_continuations(
        self, cache: FreqkvCache, logits: Tensor, continuations: Sequence[Sequence[int]]
    ) -> list[float]:
        """Return the log-likelihood of each continuation (token ids, at least one).

        All of them go through the model at once, each blind to the others; together they must fit in `cache.room`. The
        cache stays as it was. `logits` are those after the last token in it, [vocabulary].
        """
        length = cache.length
        packed = torch.tensor([[token for ids in continuations for token in ids]], device=self.device)
        owner = torch.tensor([number for number, ids in enumerate(continuations) for _ in ids], device=self.device)
        places = torch.tensor([[length + place for ids in continuations for place in range(len(ids))]])
        own = (owner[:, None] == owner[None, :]).tril()
        visible = torch.cat((own.new_ones(len(owner), length), own), dim=1)
        asked = {"position_ids": places.to(self.device), "attention_mask": visible[None, None]}
        output = self.model(input_ids=packed, use_cache=True, **asked, **{self._cache_argument: cache})
        cache.rollback(packed.shape[1])
        after = output.logits[0].float().log_softmax(-1)
        first = logits.float().log_softmax(-1)
        scores, start = [], 0
        for ids in continuations:
            scores.append(
                float(first[ids[0]]) + sum(float(after[start + place, token]) for place, token in enumerate(ids[1:]))
            )
            start += len(ids)
        return scores

    def forward(self, cache: FreqkvCache, ids: list[int]) -> Tensor:
        """Run one forward over `ids` (they must fit in `cache.room`); return the last token's logits, [vocabulary]."""
        return self.run(cache, ids, 1)[-1]

    def run(self, cache: FreqkvCache, ids: list[int], keep: int, *, few: bool = False) -> Tensor:
        """Run one forward over `ids` (they must fit in `cache.room`); return the logits of the last `keep` tokens,
        [keep, vocabulary]. `few`: the quick way is wanted where there is one; see cpu/decode.py.
        """
        started = time.perf_counter()
        batch = torch.tensor([ids], device=self.device)
        # Neither position_ids nor attention_mask: the model's defaults are slot positions (see kvcache/cache.py).
        with observed_by(cache.observe if cache.policy.observation_window else None):
            quick = cpu_decoder(self.model, cache) if few and len(ids) <= MOST else None
            if quick is not None and quick.verified is None and cache.room > 1:
                quick.self_check(cache, batch[:, :1], self._forward)
            if quick is not None and quick.verified:
                logits = quick.forward(cache, batch)[-keep:]
            else:
                logits = self._forward(cache, batch, keep)
        self.clock.forward += time.perf_counter() - started
        self.clock.forwards += 1
        return logits

    def _forward(self, cache: FreqkvCache, batch: Tensor, keep: int) -> Tensor:
        output = self.model(input_ids=batch, use_cache=True, logits_to_keep=keep, **{self._cache_argument: cache})
        logits: Tensor = output.logits[0]
        return logits

    def _make_room(self, cache: FreqkvCache) -> None:
        started = time.perf_counter()
        cache.make_room()
        self.clock.compression += time.perf_counter() - started


def cache_argument(model: Any) -> str:
    """What this model's `forward` calls its cache: `cache` since transformers 5.24, `past_key_values` before."""
    return "cache" if "cache" in inspect.signature(model.forward).parameters else "past_key_values"
