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
from freqkv_cli.events import Event, Note
from freqkv_cli.inference.engine import Engine
from freqkv_cli.kvcache.cache import FreqkvCache
from freqkv_cli.models.loading import LoadedModel
from freqkv_cli.models.malloc_tuning import give_back_free_memory
from freqkv_cli.reading.progress import reading_progress
from freqkv_cli.reading.prompt import Prompt, encode_text
from freqkv_cli.reading.speed import remember_speed
from freqkv_cli.reading.token_stream import TokenStream
from freqkv_cli.reading.writing import Answer, TokenWriter, sampling_of
from freqkv_cli.retrieval.retriever import Retriever

if TYPE_CHECKING:
    from freqkv_cli.states.manifest import Manifest, ReaderIdentity

ENOUGH_TO_JUDGE = 2000  # tokens after which the speed of a run is worth remembering
REPLAYED = 4096  # tokens that are gone through again between two events
TIDIED = 8  # chunks, after which the system has free memory back


class Watcher(Protocol):
    """Someone who follows a reading: told of each page before its tokens are read, and free to act between chunks."""

    def add(self, number: int, page: Page) -> None:
        """Take a page of document `number`, from 0."""

    def after_chunk(self) -> Generator[Event, None, None]:
        """Do what is due; the cache may be forked, not changed. Its time does not count as reading."""

    def finish(self) -> Generator[Event, None, None]:
        """Do what is left when everything has been read."""


@dataclass(slots=True)
class Timing:
    """Seconds: `started` is when the work began (a time.perf_counter()); `reused` went into what came from a state."""

    started: float
    load: float = 0.0
    read: float = 0.0
    reused: float = 0.0
    checkpoints: float = 0.0


@dataclass(slots=True)
class ReadSoFar:
    """What has been made of the documents: of `tokens` that were read the first `tokens_reused` came from a state.

    `notes` are what was written down while reading; `reader` is who reads, for a state; `restored` the manifest of a
    state that held everything; `skimmed`: searched alone, not read.
    """

    tokens: int = 0
    tokens_reused: int = 0
    stream: TokenStream | None = None
    retriever: Retriever | None = None
    notes: list[Any] = field(default_factory=list)
    reader: "ReaderIdentity | None" = None
    restored: "Manifest | None" = None
    skimmed: bool = False


@dataclass(frozen=True, slots=True)
class Session:
    """One loaded model with one cache; `read` fills the cache, `answer` never changes it."""

    settings: Settings
    loaded: LoadedModel
    engine: Engine
    cache: FreqkvCache
    prompt: Prompt
    speed_key: str
    timing: Timing
    so_far: ReadSoFar = field(default_factory=ReadSoFar)
    warnings: list[str] = field(default_factory=list)

    @property
    def retriever(self) -> Retriever | None:
        """What finds passages in the documents; None until they are read."""
        return self.so_far.retriever

    @property
    def notes(self) -> list[Any]:
        """What was written down while reading."""
        return self.so_far.notes

    @property
    def tokens_read(self) -> int:
        """Tokens of the documents that are in the cache."""
        return self.so_far.tokens

    def read(
        self, documents: Sequence[Document], watcher: Watcher | None = None, *, seams: Sequence[int] = ()
    ) -> Generator[Event, None, None]:
        """Read the instruction, then all documents, into the cache; `watcher` follows.

        The first `tokens_reused` tokens of the documents are in the cache already and only gone through again, for what
        else is made of the text. `seams` as in TokenStream.
        """
        began, so_far = time.perf_counter(), self.so_far
        if not so_far.tokens_reused:
            self.engine.read(self.cache, self.prompt.prefix)
        retriever = so_far.retriever = Retriever(documents)

        def on_page(number: int, page: Page) -> None:
            retriever.add(number, page)
            if watcher:
                watcher.add(number, page)

        so_far.stream = TokenStream(documents, self.loaded.tokenizer, on_page, seams)
        tokens = iter(so_far.stream)
        yield reading_progress(self.cache, so_far, began)
        while so_far.tokens < so_far.tokens_reused:
            again = len(list(islice(tokens, min(REPLAYED, so_far.tokens_reused - so_far.tokens))))
            if not again:
                raise StateError("the state does not go with the document any more: read it again with --refresh")
            so_far.tokens += again
            yield reading_progress(self.cache, so_far, began)
        for number, size in enumerate(self.engine.prefill(self.cache, tokens), 1):
            so_far.tokens += size
            if number % TIDIED == 0:
                give_back_free_memory()
            self.timing.read = time.perf_counter() - began
            yield from self._new_warnings(documents)
            yield reading_progress(self.cache, so_far, began)
            if watcher:
                paused = time.perf_counter()
                yield from watcher.after_chunk()
                began += time.perf_counter() - paused
        retriever.finish()
        self.timing.read = time.perf_counter() - began
        if (new := so_far.tokens - so_far.tokens_reused) > ENOUGH_TO_JUDGE:
            remember_speed(self.speed_key, new / self.timing.read)
        yield from self._new_warnings(documents)
        yield reading_progress(self.cache, so_far, began)
        if watcher:
            yield from watcher.finish()

    def skim(self, documents: Sequence[Document]) -> Generator[Event, None, None]:
        """Keep the passages of all documents, to be searched, without reading them into the cache (--quick)."""
        began, so_far = time.perf_counter(), self.so_far
        retriever = so_far.retriever = Retriever(documents)
        so_far.stream = TokenStream(documents, self.loaded.tokenizer, retriever.add)
        for number, _ in enumerate(so_far.stream):
            if number % REPLAYED == 0:
                progress = reading_progress(self.cache, so_far, began)
                yield replace(progress, tokens_done=number, detail="searching, not reading")
        retriever.finish()
        so_far.skimmed = True
        yield from self._new_warnings(documents)

    @property
    def free_slots(self) -> int:
        """Slots that are free after the heaviest compression."""
        return self.cache.geometry.free_slots

    def count_tokens(self, text: str) -> int:
        """Return how many tokens a text is."""
        return len(encode_text(self.loaded.tokenizer, text))

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
        writer = TokenWriter(self.engine, self.loaded.tokenizer, sampling_of(self.settings), self.cache)
        answer = yield from writer.write(on, ids, max_tokens, began, quiet)
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

    def apart(self) -> "Session":
        """Return this session for one of many questions: what it warns of is its own."""
        return replace(self, warnings=[])

    def warn(self, message: str) -> Note:
        """Return a warning to show, and keep it for the report."""
        self.warnings.append(message)
        return Note(message, warning=True)

    def _new_warnings(self, documents: Sequence[Document]) -> Generator[Event, None, None]:
        for warning in (text for document in documents for text in document.warnings):
            if warning not in self.warnings:
                yield self.warn(warning)
