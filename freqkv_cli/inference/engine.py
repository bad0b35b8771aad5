"""Prefill and decode: the only caller of the model. The engine sees tokens, never text."""

import inspect
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from freqkv_cli.inference.attention import observed_by
from freqkv_cli.inference.cpu.decode import MOST, cpu_decoder, must_compile
from freqkv_cli.inference.engine_clock import EngineClock, Milestone
from freqkv_cli.inference.prompt_lookup import PromptLookup
from freqkv_cli.inference.sampling import Sampler
from freqkv_cli.inference.static_step import WORTHWHILE, StaticStep, StaticSteps
from freqkv_cli.kvcache.cache import FreqkvCache


@dataclass(slots=True)
class Engine:
    """Feeds tokens to a causal LM through a cache of fixed size.

    chunk: the most tokens of one forward. It moves speed and memory, not results (up to the rounding of the dtype).
    static: whether answers are written in shapes that never change (static_step.py); None: on CUDA.
    notes: what a user should know of how it is done, not told yet.
    """

    model: Any
    chunk: int = 512
    static: bool | None = None
    clock: EngineClock = field(init=False)
    notes: list[str] = field(default_factory=list)
    _cache_argument: str = field(init=False)
    _steps: StaticSteps = field(init=False)

    def __post_init__(self) -> None:
        self.clock = EngineClock(self.device)
        self._cache_argument = cache_argument(self.model)
        self._steps = StaticSteps(self.model, self._cache_argument, self.notes)
        if self.static is None:
            self.static = self.device.type == "cuda"

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

        Returns the logits after the last token, [vocabulary], or None if there were no tokens. A GPU may still be at
        work on the last chunk yielded, while the next one is made, and not on the one before.
        """
        stream, logits, done = iter(tokens), None, Milestone(self.device)
        for first in stream:  # room is made only when there is something to read
            self._make_room(cache)
            ids = [first, *islice(stream, min(self.chunk, cache.room) - 1)]
            logits = self.forward(cache, ids)
            done.reach()
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
        lookup = PromptLookup(context) if context and sampler.sampling.is_plain else None
        step: StaticStep | None = None
        picks = [sampler.choose(logits)] if max_tokens else []  # the tokens that come next
        try:
            for written in range(1, max_tokens + 1):
                token = picks.pop(0)
                sampler.picked.append(token)
                if token in stop:
                    return
                yield token
                if written < max_tokens and not picks:
                    if step is not None and not cache.room:
                        step.flush(cache)  # a compression goes by the last queries
                    self._make_room(cache)
                    if self.static and step is None and max_tokens >= WORTHWHILE:
                        step = self._steps.step(cache)
                    if step is not None:  # as quick as a guess, and never wrong
                        batch = torch.tensor([[token]], device=self.device)
                        with self.clock.measuring("forward"):
                            logits = step.forward(cache, batch)[0]
                        self.clock.forwards += 1
                        picks = [sampler.choose(logits)]
                        continue
                    most = min(max_tokens - written, cache.room) - 1
                    guess = lookup.guess(sampler.picked, most, stop) if lookup is not None else []
                    picks = self._try(cache, token, guess, sampler)
                    if lookup is not None:
                        lookup.learn(len(guess), len(picks) - 1)
        finally:
            if step is not None:
                step.flush(cache)
            elif picks:  # whoever listened has left in the middle of a guess
                cache.rollback(len(picks))

    def _try(self, cache: FreqkvCache, token: int, guess: list[int], sampler: Sampler) -> list[int]:
        """Read `token` and what of `guess` the model agrees with; return what it picks after each token read."""
        rows = self.run(cache, [token, *guess], 1 + len(guess), few=True)
        if not guess:
            return [sampler.choose(rows[0])]
        picks: list[int] = rows.argmax(-1).tolist()  # one wait for the device; only greedy answers are guessed
        right = 0
        while right < len(guess) and picks[right] == guess[right]:
            right += 1
        if right < len(guess):
            cache.rollback(len(guess) - right)
        return picks[: right + 1]

    @torch.inference_mode()
    def score_continuations(
        self, cache: FreqkvCache, prompts: Sequence[tuple[Sequence[int], Sequence[Sequence[int]]]]
    ) -> list[list[float]]:
        """Return the log-likelihoods of the continuations of each prompt, given it; all token ids, at least one each.

        All go through the model at once, prompts blind to each other, and the continuations of one likewise; together
        they must fit in `cache.room`. The cache stays as it was.
        """
        length, scored = cache.length, 0
        rows: list[tuple[int, ...]] = []
        for number, (prompt, continuations) in enumerate(prompts):
            last = len(rows) + len(prompt) - 1
            for part, ids in enumerate((prompt, *continuations)):
                for place, token in enumerate(ids):
                    before = len(rows) - 1 if place else last
                    rows.append((token, number, part, place + (len(prompt) if part else 0), before, scored))
                scored += part > 0
        tokens, owner, part_of, depth, told_by, score = torch.tensor(rows, device=self.device).T
        own = (owner[:, None] == owner) & ((part_of == 0) | (part_of[:, None] == part_of))
        visible = torch.cat((own.new_ones(len(rows), length), own.tril()), dim=1)
        asked = {"position_ids": (length + depth)[None], "attention_mask": visible[None, None]}
        output = self.model(input_ids=tokens[None], use_cache=True, **asked, **{self._cache_argument: cache})
        cache.rollback(len(rows))
        tail = part_of > 0
        logits = output.logits[0].to(self.device)[told_by[tail]].float()
        likelihoods = logits.gather(1, tokens[tail, None])[:, 0].double() - logits.logsumexp(-1)
        scores = iter(likelihoods.new_zeros(scored).index_add_(0, score[tail], likelihoods).tolist())
        return [list(islice(scores, len(continuations))) for _, continuations in prompts]

    def forward(self, cache: FreqkvCache, ids: list[int]) -> Tensor:
        """Run one forward over `ids` (they must fit in `cache.room`); return the last token's logits, [vocabulary]."""
        return self.run(cache, ids, 1)[-1]

    def run(self, cache: FreqkvCache, ids: list[int], keep: int, *, few: bool = False) -> Tensor:
        """Run one forward over `ids` (they must fit in `cache.room`); return the logits of the last `keep` tokens,
        [keep, vocabulary]. `few`: the quick way is wanted where there is one; see cpu/decode.py.
        """
        batch = torch.tensor([ids], device=self.device)
        observer = cache.observe if cache.policy.observation_window else None
        # Neither position_ids nor attention_mask: the model's defaults are slot positions (see kvcache/cache.py).
        with self.clock.measuring("forward"), observed_by(observer):
            quick = cpu_decoder(self.model, cache) if few and len(ids) <= MOST else None
            if quick is not None and quick.verified is None and cache.room > 1:
                quick.self_check(cache, batch[:, :1], self._forward)
            if quick is not None and quick.verified:
                logits = quick.forward(cache, batch)[-keep:]
            else:
                logits = self._forward(cache, batch, keep)
        self.clock.forwards += 1
        return logits

    def _forward(self, cache: FreqkvCache, batch: Tensor, keep: int) -> Tensor:
        output = self.model(input_ids=batch, use_cache=True, logits_to_keep=keep, **{self._cache_argument: cache})
        logits: Tensor = output.logits[0]
        return logits

    def _make_room(self, cache: FreqkvCache) -> None:
        with self.clock.measuring("compression"):
            cache.make_room()


def cache_argument(model: Any) -> str:
    """What this model's `forward` calls its cache: `cache` since transformers 5.24, `past_key_values` before."""
    return "cache" if "cache" in inspect.signature(model.forward).parameters else "past_key_values"
