"""Checkpoints: what has been read so far, written now and then, so that a reading that was stopped can go on."""

import time
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

from freqkv_cli.tasks.events import Event, Note
from freqkv_cli.tasks.session import Session
from freqkv_cli.tasks.states import save_state

SHARE = 0.025  # of the time of reading that checkpoints may take
LEAST_SECONDS = 2.0  # between two of them
PATIENCE = 5.0  # seconds that may pass between Ctrl-C and the end
BYTES_PER_SECOND = 150e6  # assumed until one has been written


class Checkpoints:
    """Writes `path` between chunks, as often as its cost allows: the time that a stop can lose is about forty times the
    time that one takes to write.
    """

    def __init__(self, path: Path, extra: Mapping[str, Any]) -> None:
        self.path = path
        self.extra = extra
        self.seconds = 0.0  # spent on all of them
        self._cost: float | None = None
        self._last = time.perf_counter()
        self._failed = False

    def after_chunk(self, session: Session) -> Generator[Event, None, None]:
        """Write one if it is time."""
        if self._cost is None:
            self._cost = session.cache.nbytes / BYTES_PER_SECOND
        if time.perf_counter() - self._last >= max(LEAST_SECONDS, self._cost / SHARE):
            yield from self._write(session)

    def stop(self, session: Session) -> Generator[Event, None, None]:
        """Write one more where that can be done in time, and say what it is good for."""
        whole = session.cache.cut_back(len(session.prompt.prefix) + session.tokens_read)
        if session.tokens_read > session.tokens_reused and whole and (self._cost or 0.0) < PATIENCE:
            yield from self._write(session)
        if self.path.exists():
            yield Note("stopped; the same command (without --refresh) goes on from there", important=True)

    def _write(self, session: Session) -> Generator[Event, None, None]:
        began = time.perf_counter()
        try:
            save_state(session, self.path, complete=False, extra=self.extra)
        except OSError as error:
            if not self._failed:
                self._failed = True
                yield session.warn(
                    f"no checkpoint can be written in {self.path.parent} ({error.strerror}): reading goes on, but must "
                    "start anew if it is stopped"
                )
        self._last = time.perf_counter()
        self._cost = self._last - began
        self.seconds += self._cost
