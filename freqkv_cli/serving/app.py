"""The web application: chat completions and files as OpenAI's interface has them, and a page for a browser.

A request is a conversation of its own, whose last message is the question; it is about the files that came with it,
else about the documents that the server was started with.
"""

import asyncio
import base64
import hashlib
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from freqkv_cli.answering.answer import Turn
from freqkv_cli.errors import FreqkvError
from freqkv_cli.events import Progress
from freqkv_cli.serving.chat_completions import MODEL, CompletionRequest, completion, completion_chunks, turns_of
from freqkv_cli.serving.gate import Gate, problem
from freqkv_cli.serving.uploads import NoFileError, Uploads

REQUEST = 1 << 20  # bytes of a request beside the files in it
GROWN = 4 / 3  # what base64 makes of a file
PATIENCE = 1.0  # seconds after which a client that waits is told how far it has come

Tell = Callable[[Progress], object]


class Answering(Protocol):
    """Whoever reads and answers; without `files` about what the server was started with. Raises FreqkvError."""

    @property
    def names(self) -> Sequence[str]:
        """What the documents of the start are called."""

    def read(self, paths: Sequence[Path], tell: Tell) -> dict[str, Any]:
        """Read the files, and return what is to be known of them."""

    def answer(self, paths: Sequence[Path], question: str, earlier: Sequence[Turn], tell: Tell) -> dict[str, Any]:
        """Return `text`, `tokens`, `question_tokens` and what else is known of the answer."""


class AbandonedError(Exception):
    """Nobody waits any more."""


class Work:
    """Something that a thread does, one after another, while others watch how far it has come.

    What nobody waits for any more is not begun, and ends where it next tells how far it has come.
    """

    def __init__(self, thread: ThreadPoolExecutor, work: Callable[[Tell], dict[str, Any]]) -> None:
        self.latest: Progress | None = None
        self._left = False
        self._work = work
        self.done = asyncio.get_running_loop().run_in_executor(thread, self._begin)

    def _begin(self) -> dict[str, Any]:
        self._tell(Progress("answering"))
        return self._work(self._tell)

    def _tell(self, progress: Progress) -> None:
        self.latest = progress
        if self._left:
            raise AbandonedError

    async def awaited(self) -> AsyncGenerator[None]:
        """Yield now and then until it is done; who does not come back for more has left."""
        try:
            while not (await asyncio.wait([self.done], timeout=PATIENCE))[0]:
                yield
        finally:
            self._left = True
            self.done.cancel()  # what has not begun

    async def result(self, request: Request) -> dict[str, Any] | None:
        """Return what came of it; None for a client that has left. Raises FreqkvError."""
        async with aclosing(self.awaited()) as waiting:
            async for _ in waiting:
                if await request.is_disconnected():
                    return None
        return self.done.result()

    async def streamed(
        self, data: Callable[[dict[str, Any]], Iterator[str]], plain: Callable[[str], str]
    ) -> AsyncIterator[str]:
        """Yield server-sent events: comments on how far it has come, then the `data` of what came of it or an error."""
        try:
            async with aclosing(self.awaited()) as waiting:
                async for _ in waiting:
                    yield f": {json.dumps(told(self.latest))}\n\n"
            for piece in data(self.done.result()):
                yield f"data: {piece}\n\n"
        except FreqkvError as error:
            body = {"error": {"message": plain(error.message), "type": "invalid_request_error"}}
            yield f"data: {json.dumps(body)}\n\n"


def make_app(
    answering: Answering, uploads: Uploads, token: str | None, hosts: Sequence[str], thread: ThreadPoolExecutor
) -> Starlette:
    """Return the application. Without a `token` anybody who reaches it may ask; requests must name one of `hosts`.

    `thread` is the one in which documents are read, and does one request at a time.
    """
    page = files("freqkv_cli.serving").joinpath("page.html").read_text(encoding="utf-8")

    async def home(request: Request) -> Response:
        return HTMLResponse(page, headers=headers_of(page))

    async def models(request: Request) -> Response:
        one = {"id": MODEL, "object": "model", "created": 0, "owned_by": "freqkv", "documents": list(answering.names)}
        return JSONResponse(one if request.url.path.endswith(MODEL) else {"object": "list", "data": [one]})

    async def completions(request: Request) -> Response:
        # A page in a browser can send other types from anywhere without having been allowed to.
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return problem(415, "the request must be application/json")
        try:
            wanted = CompletionRequest.model_validate_json(await request.body())
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            return problem(400, ": ".join(filter(None, (".".join(map(str, first["loc"])), first["msg"]))))
        if not wanted.question:
            return problem(400, "the last message must be a question of the user")
        paths = [one.path for one in uploads.all(wanted.files)]
        turns = turns_of(wanted.said)
        work = Work(thread, lambda tell: answering.answer(paths, wanted.question, turns, tell))
        if wanted.stream:
            usage = wanted.stream_options.include_usage
            return stream(work.streamed(lambda answer: completion_chunks(answer, usage=usage), uploads.plain))
        answer = await work.result(request)
        return JSONResponse(completion(answer)) if answer is not None else problem(499, "the client has left")

    async def sent(request: Request) -> Response:
        if request.method == "GET":
            return JSONResponse({"object": "list", "data": uploads.listed()})
        async with request.form(max_files=1, max_fields=10) as form:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                return problem(400, "send the document as the field file of a form (multipart/form-data)")
            return JSONResponse(uploads.add(file.filename or "", await file.read()).as_json())

    async def one_file(request: Request) -> Response:
        upload = uploads.find(request.path_params["id"])
        if request.method == "DELETE":
            uploads.remove(upload.id)
            return JSONResponse({"id": upload.id, "object": "file", "deleted": True})
        return JSONResponse(upload.as_json())

    async def read(request: Request) -> Response:
        paths = [uploads.find(request.path_params["id"]).path]
        work = Work(thread, lambda tell: answering.read(paths, tell))
        return stream(work.streamed(lambda report: iter([json.dumps(report), "[DONE]"]), uploads.plain))

    def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, FreqkvError)
        return problem(404 if isinstance(error, NoFileError) else 400, uploads.plain(error.message))

    def failed(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        missing = error.status_code == 404
        return problem(error.status_code, f"there is no {request.url.path} here" if missing else error.detail)

    routes = [
        Route("/", home),
        Route("/v1/models", models),
        Route(f"/v1/models/{MODEL}", models),
        Route("/v1/chat/completions", completions, methods=["POST"]),
        Route("/v1/files", sent, methods=["GET", "POST"]),
        Route("/v1/files/{id}", one_file, methods=["GET", "DELETE"]),
        Route("/v1/files/{id}/read", read, methods=["POST"]),
    ]
    most = REQUEST + round(GROWN * uploads.limit)
    guards = [
        Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts)),
        Middleware(Gate, token=token, most=most),
    ]
    return Starlette(routes=routes, middleware=guards, exception_handlers={FreqkvError: refused, HTTPException: failed})


def stream(events: AsyncIterator[str]) -> Response:
    """Return server-sent events, which nothing on the way may hold back."""
    kept_back = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(events, media_type="text/event-stream", headers=kept_back)


def told(progress: Progress | None) -> dict[str, Any]:
    """Return how far it has come: `share` from 0 to 1, None where that is not known."""
    if progress is None:
        return {"phase": "waiting", "share": None}
    total = progress.tokens_total
    share = min(1.0, progress.tokens_done / total) if total else None
    return {"phase": progress.phase, "share": share, "tokens": progress.tokens_done, "eta_s": progress.eta_seconds}


def headers_of(page: str) -> dict[str, str]:
    """Return what lets a browser run the page's own script and style, and nothing else, whatever a document says."""

    def own(tag: str) -> str:
        inside = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        return " ".join(
            f"'sha256-{base64.b64encode(hashlib.sha256(one.encode()).digest()).decode()}'" for one in inside
        )

    policy = f"default-src 'none'; script-src {own('script')}; style-src {own('style')}; connect-src 'self'"
    return {
        "Content-Security-Policy": f"{policy}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
