"""The service: documents that are asked for again and again by another program, read by one model, one at a time."""

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from freqkv_cli.answering.ask import ask
from freqkv_cli.answering.reply import place_report
from freqkv_cli.batch.shared_model import SharedModel
from freqkv_cli.config import Settings, parse_given
from freqkv_cli.documents.document import Document, open_documents
from freqkv_cli.errors import InputError
from freqkv_cli.events import Done, Event, Progress, run_to_end
from freqkv_cli.reading.report import answer_report
from freqkv_cli.reading.session import Session
from freqkv_cli.reading.writing import Answer
from freqkv_cli.summarizing.summarize import summarize

Tell = Callable[[Progress], object]


@dataclass(slots=True)
class DocumentService:
    """One model, and the document that was asked for last, which stays read. To be used from one thread.

    All that a caller names must lie in one of `roots`. Every method raises FreqkvError for what cannot be.
    """

    model: SharedModel
    roots: Sequence[Path]
    _documents: list[Document] | None = None
    _what: object = None

    def read(self, path: str, tell: Tell) -> dict[str, Any]:
        """Read a document from start to end; return what was read."""
        documents = self.opened(path)
        session = finished(self.model.open_reading(documents, self.model.settings), tell)
        report = answer_report("read", session, Answer())
        return {name: report[name] for name in ("input", "tokens_read", "tokens_dropped", "warnings")}

    def ask(self, path: str, question: str, tell: Tell) -> dict[str, Any]:
        """Answer a question; return text, citations with their places, and whether the document says it."""
        events = ask(self.opened(path), question, self.model.settings, opening=self.model.open_reading)
        report = reported(events, tell)
        return {name: report[name] for name in ("text", "found", "citations", "warnings")}

    def summarize(self, path: str, length: str, focus: str | None, tell: Tell) -> dict[str, Any]:
        """Summarise a document; return the text, and the place of each sentence."""
        settings = replace(self.model.settings, length=parse_given("length", length), focus=focus)
        report = reported(summarize(self.opened(path), settings, opening=self.model.open_reading), tell)
        return {name: report[name] for name in ("text", "citations", "extract", "warnings")}

    def passages(self, path: str, query: str, count: int, tell: Tell) -> list[dict[str, Any]]:
        """Return the passages that fit a query best, with their places; nothing is read through for that."""
        settings = replace(self.model.settings, quick=True)
        session = finished(self.model.open_reading(self.opened(path), settings), tell)
        assert session.retriever is not None
        hits = session.retriever.find([query], max(1, count))
        return [{"text": hit.passage.text, **place_report(session, hit.passage)} for hit in hits]

    def opened(self, *paths: str) -> list[Document]:
        """Return the documents, the same as last time if they have not changed."""
        places = [self.allowed(path) for path in paths]
        what = []
        for path, place in zip(paths, places, strict=True):
            try:
                status = os.stat(place)
            except OSError as error:
                raise InputError(f"{path} cannot be read ({error.strerror}): check the name") from None
            what.append((place, status.st_ino, status.st_size, status.st_mtime_ns))
        if self._documents is None or what != self._what:
            self.close()
            settings = self.model.settings
            self._documents = open_documents(list(map(str, places)), encoding=settings.encoding, ocr=settings.ocr)
            self._what = what
        return self._documents

    def allowed(self, path: str) -> Path:
        """Return the file that a caller names. Raises InputError where it lies outside of the roots."""
        place = Path(path).expanduser()
        place = (place if place.is_absolute() or not self.roots else self.roots[0] / place).resolve()
        if not any(place.is_relative_to(root.resolve()) for root in self.roots):
            allowed = ", ".join(map(str, self.roots))
            raise InputError(f"{path} lies outside of what may be read: {allowed or 'nothing'}")
        return place

    def close(self) -> None:
        """Let go of the document."""
        self.model.forget()
        for document in self._documents or ():
            document.close()
        self._documents = None


def finished(events: Generator[Event, None, Session], tell: Tell) -> Session:
    """Run a reading to its end."""
    return run_to_end(events, lambda event: tell(event) if isinstance(event, Progress) else None)


def reported(events: Iterator[Event], tell: Tell) -> dict[str, Any]:
    """Run a task to its end; return its report."""
    report: dict[str, Any] = {}
    for event in events:
        if isinstance(event, Progress):
            tell(event)
        elif isinstance(event, Done):
            report = event.report
    return report


def make_service(settings: Settings, roots: Sequence[Path]) -> DocumentService:
    """Return a service whose model is loaded with the first question."""
    return DocumentService(SharedModel(settings), roots)
