"""Chat completions as a client of OpenAI's interface sees them. Skipped without: pip install "freqkv[serve]"."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from freqkv_cli.answering.answer import Turn
from freqkv_cli.errors import UsageError

pytest.importorskip("starlette")
pytest.importorskip("httpx")

from starlette.testclient import TestClient

from freqkv_cli.serving.chat_completions import make_app

PATH = "/v1/chat/completions"
QUESTION = {"model": "any", "messages": [{"role": "user", "content": "Who was the cook?"}]}


class PlayedAnswers:
    """Answers with what was asked."""

    def answer(self, question: str, earlier: Sequence[Turn]) -> dict[str, Any]:
        """Return it in capitals, and how many turns came before."""
        if question == "too long":
            raise UsageError("the question is too long")
        return {"text": question.upper(), "tokens": 4, "question_tokens": 3, "found": True, "citations": [len(earlier)]}


def client(token: str | None = None, hosts: Sequence[str] = ("testserver",)) -> TestClient:
    return TestClient(make_app(PlayedAnswers(), token, hosts, ThreadPoolExecutor(1)))


def test_the_last_message_is_answered_in_the_light_of_those_before() -> None:
    earlier = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Who was the captain?"},
        {"role": "assistant", "content": "Hodge."},
    ]
    parts = [{"role": "user", "content": [{"type": "text", "text": "And the cook?"}]}]
    answer = client().post(PATH, json={"messages": earlier + parts}).json()
    assert answer["object"] == "chat.completion"
    assert answer["choices"] == [
        {"index": 0, "message": {"role": "assistant", "content": "AND THE COOK?"}, "finish_reason": "stop"}
    ]
    assert answer["usage"] == {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    assert answer["citations"] == [1]


def test_a_stream_ends_as_clients_expect() -> None:
    response = client().post(PATH, json={**QUESTION, "stream": True})
    assert response.headers["content-type"].startswith("text/event-stream")
    *events, last = [line.removeprefix("data: ") for line in response.text.split("\n\n") if line.startswith("data: ")]
    assert last == "[DONE]"
    deltas = [json.loads(event)["choices"][0] for event in events]
    assert "".join(delta["delta"].get("content", "") for delta in deltas) == "WHO WAS THE COOK?"
    assert deltas[-1]["finish_reason"] == "stop"


def test_models_are_listed() -> None:
    assert [model["id"] for model in client().get("/v1/models").json()["data"]] == ["freqkv"]


def test_a_token_is_required_where_there_is_one() -> None:
    guarded = client("secret")
    assert guarded.post(PATH, json=QUESTION).status_code == 401
    assert guarded.get("/v1/models", headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert guarded.post(PATH, json=QUESTION, headers={"Authorization": "Bearer secret"}).status_code == 200


@pytest.mark.parametrize(
    ("request_", "status", "told"),
    [
        ({"json": {"messages": []}}, 400, "messages"),
        ({"json": {"messages": [{"role": "assistant", "content": "Hm."}]}}, 400, "a question of the user"),
        ({"json": {"messages": [{"role": "user", "content": "too long"}]}}, 400, "too long"),
        ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 400, "JSON"),
        ({"content": json.dumps(QUESTION), "headers": {"Content-Type": "text/plain"}}, 415, "application/json"),
        ({"content": b" " * (1 << 21), "headers": {"Content-Type": "application/json"}}, 413, "larger"),
    ],
)
def test_what_cannot_be_answered_is_said(request_: dict[str, Any], status: int, told: str) -> None:
    response = client().post(PATH, **request_)
    assert response.status_code == status
    assert told in response.json()["error"]["message"]


def test_a_page_of_another_host_is_refused() -> None:
    assert client(hosts=["127.0.0.1"]).post(PATH, json=QUESTION).status_code == 400
