"""One model for many documents: it is loaded once, and each document is read into a cache of its own."""

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from freqkv_cli.config import Settings
from freqkv_cli.documents.document import Document
from freqkv_cli.events import Event
from freqkv_cli.reading.open_session import load_session, new_session
from freqkv_cli.reading.plan import Plan, make_plan
from freqkv_cli.reading.session import Session, Watcher
from freqkv_cli.retrieval.places import confine
from freqkv_cli.states.opening import ReadingRequest, fill, open_reading, state_among


@dataclass(slots=True)
class SharedModel:
    """Opens readings as `open_reading` does, all with the model of the first. Memory is that of one reading: only the
    last is held, and serves again where the same documents are wanted once more.
    """

    settings: Settings
    plan: Plan | None = None
    first: Session | None = None
    _held: Session | None = None
    _what: tuple[Sequence[Document], Mapping[str, Any], bool] | None = None

    def load(self) -> Generator[Event, None, None]:
        """Load the model, unless it is there. Raises ModelError, MemoryLimitError, UsageError."""
        if self.first is None:
            began = time.perf_counter()
            self.plan = yield from make_plan(self.settings)
            self.first = yield from load_session(self.plan, self.settings, began)

    def open_reading(
        self,
        documents: Sequence[Document],
        settings: Settings,
        *,
        pinned: str = "",
        extra: Mapping[str, Any] | None = None,
        watch: Callable[[Session], Watcher] | None = None,
    ) -> Generator[Event, None, Session]:
        """Return a session that has read `documents`; see `freqkv_cli.states.opening.open_reading`."""
        began = time.perf_counter()
        held, what = self._held, self._what
        enough = what is not None and what[0] is documents and (extra or {}) in ({}, what[1])
        if held is not None and what is not None and enough and (settings.quick or not what[2]):
            timing = replace(held.timing, started=began)
            return replace(held, settings=settings, timing=timing, warnings=list(held.warnings))
        self.forget()
        if state_among(documents) is not None:
            return (yield from open_reading(documents, settings))  # read by a model of its own
        yield from self.load()
        first, plan = self.first, self.plan
        assert first is not None
        assert plan is not None
        confine(documents, settings)
        session = new_session(plan, settings, first.loaded, began)
        yield from fill(session, ReadingRequest(documents, settings, plan, began, extra or {}, watch))
        self._held, self._what = session, (documents, extra or {}, settings.quick)
        return session

    def forget(self) -> None:
        """Let go of the last reading."""
        if self._held is not None and self._held.retriever is not None:
            self._held.retriever.index.close()
        self._held = self._what = None
