"""Answers without a model, and a client of a server that gives them."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from freqkv_cli.answering.answer import Turn
from freqkv_cli.errors import InputError, UsageError
from freqkv_cli.events import Progress
from freqkv_cli.serving.app import Tell, make_app
from freqkv_cli.serving.uploads import Uploads


class PlayedAnswers:
    """Answers with what was asked, in capitals; its citation tells the turns before, and the files."""

    names = ("book.txt",)

    def __init__(self) -> None:
        self.seen = threading.Event()

    def read(self, paths: Sequence[Path], tell: Tell) -> dict[str, Any]:
        """Go on when a quarter has been seen."""
        tell(Progress("reading", source=paths[0].name, tokens_done=1, tokens_total=4))
        self.seen.wait(10)
        return {"tokens_read": len(paths[0].read_text())}

    def answer(self, paths: Sequence[Path], question: str, earlier: Sequence[Turn], tell: Tell) -> dict[str, Any]:
        """Return it."""
        if question == "too long":
            raise UsageError("the question is too long")
        files = {path.name: path.read_text() for path in paths}
        if "wrong" in files.values():
            raise InputError(f"{paths[0]} is a PNG image")
        citations = [{"turns": len(earlier), "files": files}]
        return {"text": question.upper(), "tokens": 4, "question_tokens": 3, "found": True, "citations": citations}


def client_of(
    uploads: Uploads,
    token: str | None = None,
    hosts: Sequence[str] = ("testserver",),
    played: PlayedAnswers | None = None,
) -> TestClient:
    """Return a client."""
    return TestClient(make_app(played or PlayedAnswers(), uploads, token, hosts, ThreadPoolExecutor(1)))
