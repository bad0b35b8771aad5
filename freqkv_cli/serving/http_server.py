"""Answer about documents over HTTP until the process is told to end."""

import asyncio
import logging
import sys
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from freqkv_cli.answering.answer import Turn, answer_question
from freqkv_cli.answering.reply import reply_report
from freqkv_cli.config import Settings
from freqkv_cli.documents.document import Document
from freqkv_cli.errors import UsageError
from freqkv_cli.events import Done, Event, Progress, run_to_end
from freqkv_cli.reading.report import answer_report
from freqkv_cli.reading.session import Session
from freqkv_cli.reading.writing import Answer
from freqkv_cli.serving import LOOPBACK
from freqkv_cli.serving.document_service import Tell, finished, make_service
from freqkv_cli.serving.uploads import Uploads

LAST_WORDS = 2  # seconds that what is under way has to end by itself when the server is told to


class DocumentAnswers:
    """Answers about the documents `own`, or about files in the folder of `uploads`; one reading is held at a time.

    All but `names` is to be used in `thread`, to which the model and SQLite belong.
    """

    def __init__(self, settings: Settings, own: Sequence[Document], uploads: Uploads) -> None:
        self.thread = ThreadPoolExecutor(1)
        self.own = own
        self.names = [document.name for document in own]
        self._service = make_service(settings, [uploads.folder])
        self._uploads = uploads

    def opening(self, paths: Sequence[Path]) -> Generator[Event, None, Session]:
        """Return a session that has read the files. Raises FreqkvError."""
        model = self._service.model
        if not paths:
            if not self.own:
                raise UsageError("there is no document: attach a file, or start freqkv serve with one")
            return (yield from model.open_reading(self.own, model.settings))
        documents = self._service.opened(*map(str, paths))
        for document in documents:
            document.name = self._uploads.plain(document.name)
        whole = replace(model.settings, pages=None, start=None, until=None)  # those are places in `own`
        return (yield from model.open_reading(documents, whole))

    def read(self, paths: Sequence[Path], tell: Tell) -> dict[str, Any]:
        """Read the files; return how much that was, and what should be known of it."""
        session = finished(self.opening(paths), tell)
        report = answer_report("read", session, Answer())
        return {name: report[name] for name in ("tokens_read", "tokens_dropped", "warnings")}

    def answer(self, paths: Sequence[Path], question: str, earlier: Sequence[Turn], tell: Tell) -> dict[str, Any]:
        """Answer a question in the light of the turns before it; each citation has its whole `passage`."""
        session = finished(self.opening(paths), tell).apart()
        events = answer_question(session, question, earlier)
        reply = run_to_end(events, lambda event: tell(event) if isinstance(event, Progress) else None)
        report = reply_report(session, reply)
        for said, citation in zip(report["citations"], reply.citations, strict=True):
            said["passage"] = citation.passage.text
        return {**report, "question_tokens": session.count_tokens(question)}

    def begin(self) -> Generator[Event, None, None]:
        """Load the model and read what there is from the start; the events are those of reading it."""
        events = self.opening([]) if self.own else self._service.model.load()
        ended = object()
        result: list[Session | None] = []

        def step() -> object:
            try:
                return next(events)
            except StopIteration as end:
                result.append(end.value)
                return ended

        while (event := self.thread.submit(step).result()) is not ended:
            yield event  # type: ignore[misc]
        if (session := result[0]) is not None:
            yield Done(answer_report("serve", session, Answer()))


def serve(answers: DocumentAnswers, uploads: Uploads, host: str, port: int, token: str | None) -> None:
    """Answer until SIGINT or SIGTERM. Raises UsageError where the port cannot be had."""
    import uvicorn

    from freqkv_cli.serving.app import make_app

    hosts = [*LOOPBACK, "[::1]"] if host in LOOPBACK else ["*"]
    app = make_app(answers, uploads, token, hosts, answers.thread)
    at = f"[{host}]" if ":" in host else host
    sys.stderr.write(f"freqkv: http://{at}:{port}/ is a page for a browser, http://{at}:{port}/v1 for programs; ")
    sys.stderr.write("Ctrl-C ends it\n")
    # It tells of requests that it cancels at its end with a traceback each.
    logging.getLogger("uvicorn.error").addFilter(
        lambda record: not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))
    )
    try:
        uvicorn.run(
            app, host=host, port=port, log_level="error", access_log=False, timeout_graceful_shutdown=LAST_WORDS
        )
    except SystemExit:
        raise UsageError(f"port {port} of {host} cannot be had: name another with --port") from None
