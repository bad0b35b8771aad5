"""An answer, token by token: text as it becomes whole, progress, and how it ended."""

import time
from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Any

from freqkv_cli.config import Settings
from freqkv_cli.events import Event, Note, Progress, Text
from freqkv_cli.inference.engine import Engine
from freqkv_cli.inference.sampling import Sampler, Sampling
from freqkv_cli.kvcache.cache import FreqkvCache
from freqkv_cli.reading.progress import answering_progress


@dataclass(slots=True)
class Answer:
    """What was written in reply to one request. Times are seconds; finish_reason as in the JSON report."""

    text: str = ""
    tokens: int = 0
    finish_reason: str = "stop"
    first_token_seconds: float | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class TokenWriter:
    """Writes behind a request; `shown_cache` is the cache whose figures progress tells."""

    engine: Engine
    tokenizer: Any
    sampling: Sampling
    shown_cache: FreqkvCache

    def write(
        self, cache: FreqkvCache, ids: list[int], max_tokens: int, began: float, quiet: bool
    ) -> Generator[Event, None, Answer]:
        """Read the request `ids` into `cache` and write at most `max_tokens` behind it; Ctrl-C keeps what there is.

        `began`: a time.perf_counter(). `quiet`: the text is not shown.
        """
        answer, shown = Answer(), ""
        yield self._progress(answer, began)
        logits = self.engine.read(cache, ids)
        assert logits is not None  # a request is never empty: the template closes the turn
        sampler, stop = Sampler(self.sampling), self.stop_ids
        try:
            for _ in self.engine.decode(cache, logits, sampler, stop=stop, max_tokens=max_tokens, context=ids):
                answer.tokens += 1
                if answer.first_token_seconds is None:
                    answer.first_token_seconds = time.perf_counter() - began
                shown = self.tokenizer.decode(sampler.picked, skip_special_tokens=True).lstrip()
                if not shown.endswith("\ufffd"):  # else half a character
                    yield from _take(answer, shown, quiet)
                progress = self._progress(answer, began)
                if answer.tokens == 1 and self.engine.must_compile:
                    progress = replace(progress, detail="compiling for this processor, once")
                yield progress
        except KeyboardInterrupt:
            answer.finish_reason = "interrupted"
        else:
            answer.finish_reason = "length" if answer.tokens == max_tokens else "stop"
        while self.engine.notes:
            yield Note(self.engine.notes.pop())
        yield from _take(answer, shown, quiet)
        answer.seconds = time.perf_counter() - began
        return answer

    @property
    def stop_ids(self) -> frozenset[int]:
        """Token ids that end an answer."""
        ends: Any = self.engine.model.generation_config.eos_token_id
        listed = ends if isinstance(ends, list) else [ends]
        return frozenset(end for end in (*listed, self.tokenizer.eos_token_id) if end is not None)

    def _progress(self, answer: Answer, began: float) -> Progress:
        return answering_progress(self.shown_cache, answer.tokens, began)


def _take(answer: Answer, shown: str, quiet: bool) -> Generator[Event, None, None]:
    """Let the text of `answer` be `shown` where that is longer."""
    if len(shown) > len(answer.text):
        if not quiet:
            yield Text(shown[len(answer.text) :])
        answer.text = shown


def sampling_of(settings: Settings) -> Sampling:
    """Return how tokens are picked, from the settings."""
    return Sampling(
        settings.temperature,
        settings.top_p,
        settings.top_k,
        settings.min_p,
        settings.repetition_penalty,
        settings.seed,
    )
