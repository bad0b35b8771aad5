"""Runs of tasks on a tiny model, for tests: what they report, and what they say on the way."""

from collections.abc import Generator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from freqkv_cli.answering.ask import ask
from freqkv_cli.config import Settings
from freqkv_cli.documents import open_documents
from freqkv_cli.documents.page import Page
from freqkv_cli.events import Done, Event, Note
from freqkv_cli.reading.session import Session
from freqkv_cli.states.opening import open_reading
from freqkv_cli.states.read import read

QUESTION = "Which line?"


@dataclass
class Run:
    """The report of a task, and what the user was told: warnings, and notes that are shown without --verbose."""

    report: dict[str, Any]
    warnings: list[str]
    told: list[str]

    @property
    def reused(self) -> int:
        """Tokens that were not read by the model in this run."""
        return int(self.report["cache"]["tokens_reused"])

    @property
    def text(self) -> str:
        """The answer."""
        return str(self.report["text"])


@dataclass
class NoteTaker:
    """A watcher that notes each chunk, and the end."""

    session: Session

    def add(self, number: int, page: Page) -> None:
        """Nothing."""

    def after_chunk(self) -> Generator[Event, None, None]:
        """Note how far the reading has come."""
        self.session.notes.append({"text": f"at {self.session.tokens_read}"})
        yield Note("noted")

    def finish(self) -> Generator[Event, None, None]:
        """Note the end."""
        self.session.notes.append({"text": "the end"})
        yield Note("noted")


def followed(events: Iterable[Event]) -> Run:
    """Run a task to its end."""
    seen = list(events)
    done, notes = seen[-1], [event for event in seen if isinstance(event, Note)]
    assert isinstance(done, Done)
    warnings = [note.message for note in notes if note.warning]
    return Run(done.report, warnings, [note.message for note in notes if note.wanted])


def ask_about(path: Path, model: str, **settings: Any) -> Run:
    """Ask one question about a document or a state, of memory alone unless told otherwise."""
    chosen = Settings(**{"model": model, "max_tokens": 12, "recall": 0, **settings})
    return followed(ask(open_documents([str(path)]), QUESTION, chosen))


def read_to(target: Path, path: Path, model: str, **settings: Any) -> Run:
    """Read a document into a state."""
    return followed(read(open_documents([str(path)]), Settings(**{"model": model, **settings}), target))


def session_of(path: Path, model: str, **settings: Any) -> Session:
    """Open a document or a state."""
    return result_of(open_reading(open_documents([str(path)]), Settings(**{"model": model, **settings})))


def result_of(events: Generator[Event, None, Session]) -> Session:
    """Run a generator of events to its end and return its result."""
    while True:
        try:
            next(events)
        except StopIteration as end:
            result: Session = end.value
            return result
