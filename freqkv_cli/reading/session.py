"""A model, its cache and a prompt: what every task reads and answers with."""

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

from freqkv_cli.config import Settings
from freqkv_cli.documents.document import Document
from freqkv_cli.documents.page import Page
from freqkv_cli.errors import StateError, UsageError
from freqkv_cli.events import Event, Note, Progress, Text
from freqkv_cli.inference.attention import register_attention
from freqkv_cli.inference.engine import Engine
from freqkv_cli.inference.sampling import Sampler, Sampling
from freqkv_cli.kvcache.cache import FreqkvCache, make_cache
from freqkv_cli.kvcache.policies import make_policy
from freqkv_cli.models.loading import LoadedModel, load_model
from freqkv_cli.models.memory import require_fit
from freqkv_cli.reading.memory_figures import gpu_bytes, process_bytes
from freqkv_cli.reading.plan import Plan, adapter_misfit, make_plan
from freqkv_cli.reading.prompt import Prompt, encode_text
from freqkv_cli.reading.speed import remember_speed, speed_key
from freqkv_cli.reading.token_stream import TokenStream
from freqkv_cli.retrieval.retriever import Retriever

if TYPE_CHECKING:
    from freqkv_cli.states.manifest import Manifest, Reader

ENOUGH_TO_JUDGE = 2000  # tokens after which the speed of a run is worth remembering
REPLAYED = 4096  # tokens that are gone through again between two events


@dataclass(slots=True)
class Answer:
    """What was written in reply to one request. Times are seconds; finish_reason as in the JSON report."""

    text: str = ""
    tokens: int = 0
    finish_reason: str = "stop"
    first_token_seconds: float | None = None
    seconds: float = 0.0


class Watcher(Protocol):
    """Someone who follows a reading: told of each page before its tokens are read, and free to act between chunks."""

    def add(self, number: int, page: Page) -> None:
        """Take a page of document `number`, from 0."""

    def after_chunk(self) -> Generator[Event, None, None]:
        """Do what is due; the cache may be forked, not changed. Its time does not count as reading."""

    def finish(self) -> Generator[Event, None, None]:
        """Do what is left when everything has been read."""


@dataclass(slots=True)
class Session:
    """One loaded model with one cache; `read` fills the cache, `answer` never changes it.

    `notes` are what was written down while reading. Of `tokens_read` the first `tokens_reused` came from a state and
    had taken `seconds_reused`; `restored` is the manifest of a state that held all of them.
    """

    settings: Settings
    loaded: LoadedModel
    engine: Engine
    cache: FreqkvCache
    prompt: Prompt
    started: float
    speed_key: str
    load_seconds: float = 0.0
    read_seconds: float = 0.0
    tokens_read: int = 0
    stream: TokenStream | None = None
    retriever: Retriever | None = None
    notes: list[Any] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    reader: "Reader | None" = None
    tokens_reused: int = 0
    seconds_reused: float = 0.0
    checkpoint_seconds: float = 0.0
    restored: "Manifest | None" = None
    skimmed: bool = False  # searched alone, not read

    def read(
        self, documents: Sequence[Document], watcher: Watcher | None = None, *, seams: Sequence[int] = ()
    ) -> Generator[Event, None, None]:
        """Read the instruction, then all documents, into the cache; `watcher` follows.

        The first `tokens_reused` tokens of the documents are in the cache already and only gone through again, for what
        else is made of the text. `seams` as in TokenStream.
        """
        began = time.perf_counter()
        if not self.tokens_reused:
            self.engine.read(self.cache, self.prompt.prefix)
        self.retriever = Retriever(documents)
        retriever = self.retriever

        def on_page(number: int, page: Page) -> None:
            retriever.add(number, page)
            if watcher:
                watcher.add(number, page)

        self.stream = TokenStream(documents, self.loaded.tokenizer, on_page, seams)
        tokens = iter(self.stream)
        yield self._reading(began)
        while self.tokens_read < self.tokens_reused:
            again = len(list(islice(tokens, min(REPLAYED, self.tokens_reused - self.tokens_read))))
            if not again:
                raise StateError("the state does not go with the document any more: read it again with --refresh")
            self.tokens_read += again
            yield self._reading(began)
        for size in self.engine.prefill(self.cache, tokens):
            self.tokens_read += size
            self.read_seconds = time.perf_counter() - began
            yield from self._new_warnings(documents)
            yield self._reading(began)
            if watcher:
                paused = time.perf_counter()
                yield from watcher.after_chunk()
                began += time.perf_counter() - paused
        self.retriever.finish()
        self.read_seconds = time.perf_counter() - began
        if self.tokens_read - self.tokens_reused > ENOUGH_TO_JUDGE:
            remember_speed(self.speed_key, (self.tokens_read - self.tokens_reused) / self.read_seconds)
        yield from self._new_warnings(documents)
        yield self._reading(began)
        if watcher:
            yield from watcher.finish()

    @property
    def free_slots(self) -> int:
        """Slots that are free after the heaviest compression, which leaves one slot of all that is old."""
        geometry = self.cache.geometry
        return geometry.cache_size - geometry.sink_tokens - geometry.recent_tokens - 1

    def consult(self, text: str, room: int, *, memory: bool = False) -> FreqkvCache:
        """Return a cache in which `text` has been read behind the instruction, or with `memory` behind all that was
        read, with at least `room` slots left for requests and their answers.

        Raises UsageError where it does not fit.
        """
        ids = encode_text(self.loaded.tokenizer, f"\n\n{text}" if memory else text)
        if memory:
            cache = self.cache.fork()
        else:
            cache = self.cache.blank()
            self.engine.read(cache, self.prompt.prefix)
        cache.make_room(len(ids) + room)
        self.engine.read(cache, ids)
        return cache

    def count_tokens(self, text: str) -> int:
        """Return how many tokens a text is."""
        return len(encode_text(self.loaded.tokenizer, text))

    def skim(self, documents: Sequence[Document]) -> Generator[Event, None, None]:
        """Keep the passages of all documents, to be searched, without reading them into the cache (--quick)."""
        began = time.perf_counter()
        self.retriever = Retriever(documents)
        self.stream = TokenStream(documents, self.loaded.tokenizer, self.retriever.add)
        for number, _ in enumerate(self.stream):
            if number % REPLAYED == 0:
                yield replace(self._reading(began), tokens_done=number, detail="searching, not reading")
        self.retriever.finish()
        self.skimmed = True
        yield from self._new_warnings(documents)

    def answer(
        self, request: str, max_tokens: int, *, on: FreqkvCache | None = None, quiet: bool = False
    ) -> Generator[Event, None, Answer]:
        """Put `request` behind what `on` holds and write the answer, at most `max_tokens` long; `on` is left as it was.

        Without `on` that is a fork of the cache. `quiet`: nothing is shown while it is written. Raises UsageError where
        the request does not fit.
        """
        began = time.perf_counter()
        ids = self.prompt.request(request)
        if on is None:
            if len(ids) > self.free_slots:
                raise UsageError(
                    f"the request is {len(ids)} tokens long and {self.free_slots} fit into the cache beside what is "
                    "pinned; shorten it, or give a larger --cache-size"
                )
            on = self.cache.fork()
            # Room for the request and, where possible, the whole answer: neither is filtered while it is being used.
            on.make_room(min(len(ids) + max_tokens, max(len(ids), self.free_slots // 4)))
        elif on.room < len(ids) + max_tokens:
            on = on.fork()  # to be compressed
        seen = on.tokens_seen
        answer = yield from self._write(on, ids, max_tokens, began, quiet)
        on.truncate(seen)
        return answer

    def affirms(self, on: FreqkvCache, request: str) -> float:
        """Return how much likelier "yes" is than "no" as the answer to `request`, in nats; `on` is left as it was."""
        ids = self.prompt.request(request)
        if on.room < len(ids):
            on = on.fork()  # to be compressed
        seen = on.tokens_seen
        logits = self.engine.read(on, ids)
        assert logits is not None
        on.truncate(seen)
        words = [encode_text(self.loaded.tokenizer, word)[0] for word in ("Yes", "yes", "No", "no")]
        yes, no = logits[words].float().view(2, 2).amax(1).tolist()  # one wait for the device
        return float(yes - no)

    def _write(
        self, cache: FreqkvCache, ids: list[int], max_tokens: int, began: float, quiet: bool
    ) -> Generator[Event, None, Answer]:
        answer = Answer()
        yield self._answering(answer, began)
        logits = self.engine.read(cache, ids)
        assert logits is not None  # a request is never empty: the template closes the turn
        sampler = Sampler(self.sampling)
        shown = ""
        try:
            for _ in self.engine.decode(cache, logits, sampler, stop=self.stop_ids, max_tokens=max_tokens, context=ids):
                answer.tokens += 1
                if answer.first_token_seconds is None:
                    answer.first_token_seconds = time.perf_counter() - began
                shown = self.loaded.tokenizer.decode(sampler.picked, skip_special_tokens=True).lstrip()
                if not shown.endswith("\ufffd") and len(shown) > len(answer.text):  # else half a character
                    if not quiet:
                        yield Text(shown[len(answer.text) :])
                    answer.text = shown
                progress = self._answering(answer, began)
                if answer.tokens == 1 and self.engine.must_compile:
                    progress = replace(progress, detail="compiling for this processor, once")
                yield progress
        except KeyboardInterrupt:
            answer.finish_reason = "interrupted"
        else:
            answer.finish_reason = "length" if answer.tokens == max_tokens else "stop"
        while self.engine.notes:
            yield Note(self.engine.notes.pop())
        if len(shown) > len(answer.text):
            if not quiet:
                yield Text(shown[len(answer.text) :])
            answer.text = shown
        answer.seconds = time.perf_counter() - began
        return answer

    def apart(self) -> "Session":
        """Return this session for one of many questions: what it warns of is its own."""
        return replace(self, warnings=[])

    def warn(self, message: str) -> Note:
        """Return a warning to show, and keep it for the report."""
        self.warnings.append(message)
        return Note(message, warning=True)

    @property
    def sampling(self) -> Sampling:
        """How tokens are picked, from the settings."""
        chosen = self.settings
        return Sampling(
            chosen.temperature, chosen.top_p, chosen.top_k, chosen.min_p, chosen.repetition_penalty, chosen.seed
        )

    @property
    def stop_ids(self) -> frozenset[int]:
        """Token ids that end an answer."""
        ends: Any = self.loaded.model.generation_config.eos_token_id
        listed = ends if isinstance(ends, list) else [ends]
        return frozenset(end for end in (*listed, self.loaded.tokenizer.eos_token_id) if end is not None)

    def _new_warnings(self, documents: Sequence[Document]) -> Generator[Event, None, None]:
        for warning in (text for document in documents for text in document.warnings):
            if warning not in self.warnings:
                yield self.warn(warning)

    def _reading(self, began: float) -> Progress:
        assert self.stream is not None
        seconds = time.perf_counter() - began
        speed = max(0, self.tokens_read - self.tokens_reused) / seconds
        exact = self.stream.finished
        total = self.stream.total if exact else self.stream.estimated_total()
        document = self.stream.documents[self.stream.current]
        return Progress(
            "reading",
            source=document.name,
            page=self.stream.page or None,
            pages=document.page_count,
            tokens_done=self.tokens_read,
            tokens_total=total,
            total_is_exact=exact,
            seconds=seconds,
            tokens_per_second=speed,
            eta_seconds=max(0, total - self.tokens_read) / speed if total and speed else None,
            **self._figures(),
        )

    def _answering(self, answer: Answer, began: float) -> Progress:
        seconds = time.perf_counter() - began
        return Progress(
            "answering",
            tokens_done=answer.tokens,
            seconds=seconds,
            tokens_per_second=answer.tokens / seconds,
            **self._figures(),
        )

    def _figures(self) -> dict[str, Any]:
        return {
            "slots_used": self.cache.length,
            "cache_size": self.cache.geometry.cache_size,
            "cache_bytes": self.cache.nbytes,
            "compressions": self.cache.compressions,
            "process_bytes": process_bytes(),
            "gpu_bytes": gpu_bytes(),
        }


def open_session(settings: Settings, pinned: str = "") -> Generator[Event, None, Session]:
    """Load the model and make the cache; `pinned` is text that joins the instruction among the sinks.

    Raises ModelError, MemoryLimitError, UsageError.
    """
    started = time.perf_counter()
    plan = yield from make_plan(settings, pinned)
    return (yield from load_session(plan, settings, started))


def load_session(plan: Plan, settings: Settings, started: float) -> Generator[Event, None, Session]:
    """Load the model of a plan and make the cache; `started` is when the work began. Raises as `open_session` does."""
    began = time.perf_counter()
    if plan.place.quant == "gguf":
        from freqkv_cli.quantized.modules import must_compile

        if must_compile():
            yield Progress("loading", source=settings.model, detail="compiling for this processor, once")
    loaded = load_plan(plan)
    cache = make_cache(loaded.model, plan.geometry, make_policy(settings.policy, loaded.foresight), window=plan.window)
    session = Session(settings, loaded, Engine(loaded.model, plan.chunk), cache, plan.prompt, started, speed_key(plan))
    session.load_seconds = time.perf_counter() - began
    for note in (*plan.place.notes, *loaded.notes):
        yield Note(note)
    if (misfit := adapter_misfit(plan, settings.policy)) is not None:
        yield session.warn(misfit)
    return session


def load_plan(plan: Plan) -> LoadedModel:
    """Load the model of a plan with the package's attention. Raises MemoryLimitError if it cannot fit."""
    require_fit(plan.estimate, plan.available, device=plan.place.device)
    place = plan.place
    attention = register_attention()
    return load_model(
        plan.source,
        device=place.device,
        dtype=place.dtype,
        quant=place.quant,
        attn_implementation=attention,
        tokenizer=plan.prompt.tokenizer,
        adapter=plan.adapter,
    )
