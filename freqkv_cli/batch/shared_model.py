"""One model for many documents: it is loaded once, and each document is read into a cache of its own."""

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from freqkv_cli.config import Settings
from freqkv_cli.documents.document import Document
from freqkv_cli.events import Event
from freqkv_cli.models.loading import LoadedModel
from freqkv_cli.reading.open_session import load_session, new_session
from freqkv_cli.reading.plan import Plan, make_plan
from freqkv_cli.reading.session import Session, Watcher
from freqkv_cli.retrieval.until import confine
from freqkv_cli.states.manifest import ReaderIdentity
from freqkv_cli.states.opening import ReadingRequest, fill, open_state, state_among
from freqkv_cli.states.state_file import reader_of


@dataclass(slots=True)
class SharedModel:
    """Opens readings as `open_reading` does, all with the model of the first. Memory is that of one reading: only the
    last is held, and serves again where the same documents are wanted once more.

    Where the first is a state, its model and its slots are those of all.
    """

    settings: Settings
    plan: Plan | None = None
    loaded: LoadedModel | None = None
    _held: Session | None = None
    _what: tuple[Sequence[Document], Mapping[str, Any], bool, str] | None = None

    def load(self) -> Generator[Event, None, None]:
        """Load the model, unless it is there. Raises ModelError, MemoryLimitError, UsageError."""
        if self.loaded is None:
            began = time.perf_counter()
            plan = yield from make_plan(self.settings)
            yield from self.session_of(plan, self.settings, began)

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
        enough = what is not None and what[0] is documents and (extra or {}) in ({}, what[1]) and what[3] == pinned
        if held is not None and what is not None and enough and (settings.quick or not what[2]):
            timing = replace(held.timing, started=began)
            return replace(held, settings=settings, timing=timing, warnings=list(held.warnings))
        self.forget()
        if (path := state_among(documents, pinned)) is not None:
            session = yield from open_state(path, settings, began, self.session_of)
        else:
            yield from self.load()
            confine(documents, settings)
            plan = self.plan if not pinned else (yield from make_plan(settings, pinned))
            assert plan is not None
            session = yield from self.session_of(plan, settings, began)
            yield from fill(session, ReadingRequest(documents, settings, plan, began, extra or {}, watch))
        self._held, self._what = session, (documents, extra or {}, settings.quick, pinned)
        return session

    def session_of(self, plan: Plan, settings: Settings, started: float) -> Generator[Event, None, Session]:
        """Return a session that has read nothing, with the model of all where `plan` wants that one."""
        if self.plan is not None and self.loaded is not None and model_of(plan) == model_of(self.plan):
            return new_session(plan, settings, self.loaded, started)
        session = yield from load_session(plan, settings, started)
        if self.loaded is None:
            self.settings, self.plan, self.loaded = settings, plan, session.loaded
        return session

    def forget(self) -> None:
        """Let go of the last reading."""
        if self._held is not None and self._held.retriever is not None:
            self._held.retriever.index.close()
        self._held = self._what = None


def model_of(plan: Plan) -> ReaderIdentity:
    """Return who reads, whatever the instruction."""
    return replace(reader_of(plan), prompt="", pinned_tokens=0)
