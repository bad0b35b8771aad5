"""Read documents, then answer about them over HTTP until the process is told to end."""

import sys
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor

from freqkv_cli.config import Settings
from freqkv_cli.documents.document import Document
from freqkv_cli.errors import UsageError
from freqkv_cli.events import Done, Event
from freqkv_cli.reading.report import answer_report
from freqkv_cli.reading.session import Session
from freqkv_cli.reading.writing import Answer
from freqkv_cli.serving import LOOPBACK
from freqkv_cli.states.opening import open_reading


class Ready:
    """What has been read, and the thread that it belongs to."""

    def __init__(self) -> None:
        self.thread = ThreadPoolExecutor(1)
        self.session: Session | None = None

    def reading(self, documents: Sequence[Document], settings: Settings) -> Generator[Event, None, None]:
        """Read the documents; the events are those of reading them."""
        events = open_reading(documents, settings)
        ended = object()

        def step() -> object:
            try:
                return next(events)
            except StopIteration as end:
                self.session = end.value
                return ended

        while (event := self.thread.submit(step).result()) is not ended:
            yield event  # type: ignore[misc]
        assert self.session is not None
        yield Done(answer_report("serve", self.session, Answer()))


def serve(ready: Ready, host: str, port: int, token: str | None) -> None:
    """Answer until SIGINT or SIGTERM. Raises UsageError where the port cannot be had."""
    import uvicorn

    from freqkv_cli.serving.chat_completions import ReadDocuments, make_app

    assert ready.session is not None
    hosts = [*LOOPBACK, "[::1]"] if host in LOOPBACK else ["*"]
    app = make_app(ReadDocuments(ready.session), token, hosts, ready.thread)
    sys.stderr.write(f"freqkv: http://{host}:{port}/v1 answers; Ctrl-C ends it\n")
    try:
        uvicorn.run(app, host=host, port=port, log_level="error", access_log=False)
    except SystemExit:
        raise UsageError(f"port {port} of {host} cannot be had: name another with --port") from None
