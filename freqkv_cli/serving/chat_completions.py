"""Chat completions as OpenAI's interface has them, about documents that have been read: POST /v1/chat/completions.

The documents are read before, once; each request is a conversation of its own, whose last message is the question.
"""

import asyncio
import hmac
import json
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, Literal, Protocol

from pydantic import BaseModel, Field, ValidationError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from freqkv_cli.answering.answer import Turn, answer_question, reply_report
from freqkv_cli.errors import FreqkvError
from freqkv_cli.events import run_to_end
from freqkv_cli.reading.session import Session

MODEL = "freqkv"
LARGEST = 1 << 20  # bytes of a request
PATIENCE = 5.0  # seconds after which a client that waits for a stream is told that there is still work


class MessagePart(BaseModel):
    """A piece of a message."""

    type: str
    text: str = ""


class ChatMessage(BaseModel):
    """What one side said."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[MessagePart] = ""

    @property
    def text(self) -> str:
        """The words of the message."""
        return self.content if isinstance(self.content, str) else "\n".join(part.text for part in self.content)


class CompletionRequest(BaseModel):
    """The fields of a request that count here; others are ignored, as documents are read with settings of their own."""

    messages: list[ChatMessage] = Field(min_length=1)
    stream: bool = False


class Answering(Protocol):
    """Whoever answers."""

    def answer(self, question: str, earlier: Sequence[Turn]) -> dict[str, Any]:
        """Return `text`, `tokens`, `question_tokens` and what else is known of the answer. Raises FreqkvError."""


class ReadDocuments:
    """Answers from what a session has read."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def answer(self, question: str, earlier: Sequence[Turn]) -> dict[str, Any]:
        """Answer a question in the light of the turns before it."""
        session = self._session.apart()
        reply = run_to_end(answer_question(session, question, earlier))
        return {**reply_report(session, reply), "question_tokens": session.count_tokens(question)}


def make_app(answering: Answering, token: str | None, hosts: Sequence[str], thread: ThreadPoolExecutor) -> Starlette:
    """Return the application. Without a `token` anybody who reaches it may ask; requests must name one of `hosts`.

    `thread` is the one in which the documents were read, and does one request at a time.
    """

    def refused(request: Request) -> Response | None:
        given = request.headers.get("authorization", "").encode()
        if token is not None and not hmac.compare_digest(given, f"Bearer {token}".encode()):
            return problem(401, "the token is missing or wrong")
        return None

    async def models(request: Request) -> Response:
        listed = [{"id": MODEL, "object": "model", "created": 0, "owned_by": "freqkv"}]
        return refused(request) or JSONResponse({"object": "list", "data": listed})

    async def completions(request: Request) -> Response:
        if (refusal := refused(request)) is not None:
            return refusal
        # A page in a browser can send other types from anywhere without having been allowed to.
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return problem(415, "the request must be application/json")
        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > LARGEST:
                return problem(413, f"the request is larger than {LARGEST} bytes")
        try:
            wanted = CompletionRequest.model_validate_json(body)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            return problem(400, f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
        said = [message for message in wanted.messages if message.role in ("user", "assistant")]
        if not said or said[-1].role != "user" or not said[-1].text.strip():
            return problem(400, "the last message must be a question of the user")
        loop = asyncio.get_running_loop()
        answer = loop.run_in_executor(thread, answering.answer, said[-1].text, turns_of(said))
        if wanted.stream:
            return StreamingResponse(streamed(answer), media_type="text/event-stream")
        try:
            return JSONResponse(completion(await answer))
        except FreqkvError as error:
            return problem(400, error.message)

    routes = [Route("/v1/models", models), Route("/v1/chat/completions", completions, methods=["POST"])]
    guard = Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))
    return Starlette(routes=routes, middleware=[guard])


def turns_of(messages: Sequence[ChatMessage]) -> list[Turn]:
    """Return the questions that were answered, each with its answer."""
    pairs = pairwise(messages)
    return [Turn(one.text, other.text) for one, other in pairs if (one.role, other.role) == ("user", "assistant")]


def completion(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer as the interface has it; `citations` and `found` are beside it."""
    message = {"role": "assistant", "content": answer["text"]}
    asked, written = answer["question_tokens"], answer["tokens"]
    return {
        **named("chat.completion"),
        "choices": [{"index": 0, "message": message, "finish_reason": answer.get("finish_reason", "stop")}],
        "usage": {"prompt_tokens": asked, "completion_tokens": written, "total_tokens": asked + written},
        "citations": answer.get("citations", []),
        "found": answer.get("found", True),
    }


async def streamed(answer: "asyncio.Future[dict[str, Any]]") -> AsyncIterator[str]:
    """Yield an answer as server-sent events. It is checked before it is shown, and so comes in one piece."""
    about = named("chat.completion.chunk")
    while not (await asyncio.wait([answer], timeout=PATIENCE))[0]:
        yield ": still at work\n\n"
    try:
        told = answer.result()
    except FreqkvError as error:
        yield f"data: {json.dumps({'error': {'message': error.message, 'type': 'invalid_request_error'}})}\n\n"
        return
    for delta, reason in (
        ({"role": "assistant", "content": told["text"]}, None),
        ({}, told.get("finish_reason", "stop")),
    ):
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        yield f"data: {json.dumps({**about, 'choices': [choice]})}\n\n"
    yield "data: [DONE]\n\n"


def named(kind: str) -> dict[str, Any]:
    """Return what every answer begins with."""
    return {"id": f"chatcmpl-{uuid.uuid4().hex}", "object": kind, "created": int(time.time()), "model": MODEL}


def problem(status: int, message: str) -> Response:
    """Return an error as the interface has it."""
    return JSONResponse({"error": {"message": message, "type": "invalid_request_error"}}, status)
