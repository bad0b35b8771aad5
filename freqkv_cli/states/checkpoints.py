"""Checkpoints: what has been read so far, written now and then, so that a reading that was stopped can go on."""

import time
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

from freqkv_cli.documents.page import Page
from freqkv_cli.events import Event, Note
from freqkv_cli.reading.session import Session, Watcher
from freqkv_cli.states.state_file import save_state

SHARE = 0.025  # of the time of reading that checkpoints may take
LEAST_SECONDS = 2.0  # between two of them
PATIENCE = 5.0  # seconds that may pass between Ctrl-C and the end
BYTES_PER_SECOND = 150e6  # assumed until one has been written


class Checkpoints:
    """Follows a reading (a `Watcher`) and writes `path` between chunks, as often as the cost allows: a stop loses about
    forty times the time that one checkpoint takes. What `inner` does between chunks is done before.
    """

    def __init__(self, session: Session, path: Path, extra: Mapping[str, Any], inner: Watcher | None = None) -> None:
        self.session = session
        self.path = path
        self.extra = extra
        self.inner = inner
        self._cost = session.cache.nbytes / BYTES_PER_SECOND
        self._last = time.perf_counter()
        self._failed = False
        self._settled = session.so_far.tokens_reused, len(session.notes)

    def add(self, number: int, page: Page) -> None:
        """Take a page of document `number`, from 0."""
        if self.inner is not None:
            self.inner.add(number, page)

    def after_chunk(self) -> Generator[Event, None, None]:
        """Write one if it is time."""
        if self.inner is not None:
            yield from self.inner.after_chunk()
        self._settled = self.session.tokens_read, len(self.session.notes)
        if time.perf_counter() - self._last >= max(LEAST_SECONDS, self._cost / SHARE):
            yield from self._write()

    def finish(self) -> Generator[Event, None, None]:
        """Do what `inner` has left."""
        if self.inner is not None:
            yield from self.inner.finish()

    def stop(self) -> Generator[Event, None, None]:
        """Write one more where that can be done in time, and say what it is good for."""
        session, (tokens, notes) = self.session, self._settled
        whole = session.cache.truncate(len(session.prompt.prefix) + tokens)
        if tokens > session.so_far.tokens_reused and whole and self._cost < PATIENCE:
            session.so_far.tokens = tokens
            del session.notes[notes:]  # those of a chunk that is read again
            yield from self._write()
        if self.path.exists():
            again = "the same command (without --refresh) goes on from the last checkpoint"
            yield Note(f"stopped at token {session.tokens_read:,}: {again}", wanted=True)

    def _write(self) -> Generator[Event, None, None]:
        began = time.perf_counter()
        try:
            save_state(self.session, self.path, complete=False, extra=self.extra)
        except OSError as error:
            if not self._failed:
                self._failed = True
                yield self.session.warn(
                    f"no checkpoint can be written in {self.path.parent} ({error.strerror}): reading goes on, but must "
                    "start anew if it is stopped"
                )
        self._last = time.perf_counter()
        self._cost = self._last - began
        self.session.timing.checkpoints += self._cost
