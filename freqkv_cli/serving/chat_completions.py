"""Requests and answers of chat completions as OpenAI's interface has them, and what is told beside them."""

import json
import time
import uuid
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field

from freqkv_cli.answering.answer import Turn

MODEL = "freqkv"


class AttachedFile(BaseModel):
    """A file of a message: its bytes in base64, which may be a data URL, or the id of one that was sent before."""

    filename: str = "document"
    file_data: str | None = None
    file_id: str | None = None


class MessagePart(BaseModel):
    """A piece of a message."""

    type: Literal["text", "refusal", "file"]
    text: str = ""
    file: AttachedFile | None = None


def parts_of(content: object) -> object:
    """Return the content of a message as pieces; it may be a text, too."""
    return [{"type": "text", "text": content or ""}] if content is None or isinstance(content, str) else content


class ChatMessage(BaseModel):
    """What one side said."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    parts: Annotated[list[MessagePart], BeforeValidator(parts_of)] = Field(alias="content", default_factory=list)

    @property
    def text(self) -> str:
        """The words of the message."""
        return "\n".join(part.text for part in self.parts if part.type == "text")


class StreamOptions(BaseModel):
    """Whether a stream ends with what was used."""

    include_usage: bool = False


class CompletionRequest(BaseModel):
    """The fields of a request that count here; others are ignored, as documents are read with settings of their own."""

    messages: list[ChatMessage] = Field(min_length=1)
    stream: bool = False
    stream_options: Annotated[StreamOptions, BeforeValidator(lambda given: given or {})] = StreamOptions()

    @property
    def said(self) -> list[ChatMessage]:
        """What the user and the assistant said."""
        return [message for message in self.messages if message.role in ("user", "assistant")]

    @property
    def question(self) -> str:
        """The last message; empty where it is none of the user."""
        return self.said[-1].text.strip() if self.said and self.said[-1].role == "user" else ""

    @property
    def files(self) -> list[AttachedFile]:
        """The files of all messages: a file that came with an earlier question is still there."""
        return [part.file for message in self.said for part in message.parts if part.file is not None]


def turns_of(messages: Sequence[ChatMessage]) -> list[Turn]:
    """Return the questions that were answered, each with its answer."""
    pairs = pairwise(messages)
    return [Turn(one.text, other.text) for one, other in pairs if (one.role, other.role) == ("user", "assistant")]


def completion(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer as the interface has it; `citations` and `found` are beside it."""
    message = {"role": "assistant", "content": answer["text"]}
    return {
        **named("chat.completion"),
        "choices": [{"index": 0, "message": message, "finish_reason": reason_of(answer)}],
        "usage": usage_of(answer),
        **beside(answer),
    }


def completion_chunks(answer: dict[str, Any], *, usage: bool = False) -> Iterator[str]:
    """Yield an answer as the data of server-sent events, with what was used where that is wanted.

    It was checked before it is shown, so it is one piece.
    """
    about = named("chat.completion.chunk")
    said, ended = {"role": "assistant", "content": answer["text"]}, reason_of(answer)
    yield json.dumps({**about, "choices": [{"index": 0, "delta": said, "finish_reason": None}]})
    yield json.dumps({**about, "choices": [{"index": 0, "delta": {}, "finish_reason": ended}], **beside(answer)})
    if usage:
        yield json.dumps({**about, "choices": [], "usage": usage_of(answer)})
    yield "[DONE]"


def usage_of(answer: dict[str, Any]) -> dict[str, int]:
    """Return the tokens of the question and of the answer."""
    asked, written = answer["question_tokens"], answer["tokens"]
    return {"prompt_tokens": asked, "completion_tokens": written, "total_tokens": asked + written}


def beside(answer: dict[str, Any]) -> dict[str, Any]:
    """Return what is told of an answer besides: whether the documents say it, and where."""
    return {"citations": answer.get("citations", []), "found": answer.get("found", True)}


def reason_of(answer: dict[str, Any]) -> str:
    """Return why an answer ended."""
    return str(answer.get("finish_reason", "stop"))


def named(kind: str) -> dict[str, Any]:
    """Return what every answer begins with."""
    return {"id": f"chatcmpl-{uuid.uuid4().hex}", "object": kind, "created": int(time.time()), "model": MODEL}
