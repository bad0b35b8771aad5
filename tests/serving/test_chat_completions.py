"""Chat completions as a client of OpenAI's interface sees them. Skipped without: pip install "freqkv[serve]"."""

import asyncio
import base64
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any, cast

import pytest

pytest.importorskip("starlette")
pytest.importorskip("python_multipart")

from starlette.requests import Request
from starlette.testclient import TestClient

from freqkv_cli.events import Progress
from freqkv_cli.serving.app import Tell, Work
from freqkv_cli.serving.uploads import Uploads
from tests.serving.played_answers import PlayedAnswers, client_of

PATH = "/v1/chat/completions"
QUESTION = {"model": "any", "messages": [{"role": "user", "content": "Who was the cook?"}]}
TEXT = b"The cook was called Ambrose Pell."


@pytest.fixture
def uploads() -> Iterator[Uploads]:
    """Room for files of a thousand bytes."""
    kept = Uploads(1000)
    yield kept
    kept.close()


@pytest.fixture
def client(uploads: Uploads) -> TestClient:
    """A client of a server without a token."""
    return client_of(uploads)


def asked_with(*files: dict[str, Any], question: str = "Who?") -> dict[str, Any]:
    """A question that comes with files."""
    parts = [{"type": "file", "file": file} for file in files]
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": question}, *parts]}]}


def test_the_last_message_is_answered_in_the_light_of_those_before(client: TestClient) -> None:
    earlier = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Who was the captain?"},
        {"role": "assistant", "content": "Hodge."},
    ]
    parts = [{"role": "user", "content": [{"type": "text", "text": "And the cook?"}]}]
    answer = client.post(PATH, json={"messages": earlier + parts}).json()
    assert answer["object"] == "chat.completion"
    assert answer["choices"] == [
        {"index": 0, "message": {"role": "assistant", "content": "AND THE COOK?"}, "finish_reason": "stop"}
    ]
    assert answer["usage"] == {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    assert answer["citations"] == [{"turns": 1, "files": {}}]


def test_a_stream_ends_as_clients_expect(client: TestClient) -> None:
    response = client.post(PATH, json={**QUESTION, "stream": True})
    assert response.headers["content-type"].startswith("text/event-stream")
    *events, last = [line.removeprefix("data: ") for line in response.text.split("\n\n") if line.startswith("data: ")]
    assert last == "[DONE]"
    deltas = [json.loads(event)["choices"][0] for event in events]
    assert "".join(delta["delta"].get("content", "") for delta in deltas) == "WHO WAS THE COOK?"
    assert deltas[-1]["finish_reason"] == "stop"
    assert json.loads(events[-1])["found"] is True


def test_a_stream_tells_what_was_used_where_that_is_wanted(client: TestClient) -> None:
    wanted = {"stream": True, "stream_options": {"include_usage": True}}
    told = client.post(PATH, json={**QUESTION, **wanted}).text.split("\n\n")[-3]
    last = json.loads(told.removeprefix("data: "))
    assert (last["choices"], last["usage"]["total_tokens"]) == ([], 7)
    assert '"usage"' not in client.post(PATH, json={**QUESTION, "stream": True, "stream_options": None}).text


def test_models_are_listed(client: TestClient) -> None:
    (listed,) = client.get("/v1/models").json()["data"]
    assert listed["id"] == "freqkv"
    assert client.get("/v1/models/freqkv").json() == listed
    missing = client.get("/v1/models/other")
    assert (missing.status_code, missing.json()["error"]["message"]) == (404, "there is no /v1/models/other here")


def test_for_a_client_that_has_left_nothing_is_begun_or_gone_on_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("freqkv_cli.serving.app.PATIENCE", 0.01)
    began: list[str] = []
    ended: list[str] = []

    async def gone() -> bool:
        return True

    def endless(name: str) -> Callable[[Tell], dict[str, Any]]:
        def work(tell: Tell) -> dict[str, Any]:
            began.append(name)
            try:
                while True:
                    time.sleep(0.001)
                    tell(Progress("reading"))
            finally:
                ended.append(name)

        return work

    async def leave() -> None:
        thread = ThreadPoolExecutor(1)
        first, second = Work(thread, endless("first")), Work(thread, endless("second"))
        request = cast("Request", SimpleNamespace(is_disconnected=gone))
        assert await second.result(request) is None
        assert await first.result(request) is None
        await asyncio.to_thread(thread.shutdown)

    asyncio.run(asyncio.wait_for(leave(), 60))
    assert (began, ended) == (["first"], ["first"])


def test_a_token_is_required_where_there_is_one(uploads: Uploads) -> None:
    guarded = client_of(uploads, "secret")
    assert guarded.post(PATH, json=QUESTION).status_code == 401
    assert guarded.get("/v1/models", headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert guarded.post(PATH, json=QUESTION, headers={"Authorization": "Bearer secret"}).status_code == 200


@pytest.mark.parametrize(
    ("request_", "status", "told"),
    [
        ({"json": {"messages": []}}, 400, "messages"),
        ({"json": {"messages": [{"role": "assistant", "content": "Hm."}]}}, 400, "a question of the user"),
        ({"json": {"messages": [{"role": "user", "content": "too long"}]}}, 400, "too long"),
        ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 400, "Invalid JSON"),
        ({"content": json.dumps(QUESTION), "headers": {"Content-Type": "text/plain"}}, 415, "application/json"),
        ({"content": b" " * (1 << 21), "headers": {"Content-Type": "application/json"}}, 413, "larger"),
    ],
)
def test_what_cannot_be_answered_is_said(client: TestClient, request_: dict[str, Any], status: int, told: str) -> None:
    response = client.post(PATH, **request_)
    assert response.status_code == status
    assert told in response.json()["error"]["message"]


def test_a_page_of_another_host_is_refused(uploads: Uploads) -> None:
    assert client_of(uploads, hosts=["127.0.0.1"]).post(PATH, json=QUESTION).status_code == 400


def test_a_page_of_another_origin_is_refused_and_the_own_one_is_not(client: TestClient, uploads: Uploads) -> None:
    form = {"files": {"file": ("a.txt", TEXT)}}
    refused = client.post("/v1/files", headers={"Origin": "https://evil.example"}, **form)
    assert (refused.status_code, uploads.listed()) == (403, [])
    assert client.post("/v1/files", headers={"Origin": "http://testserver"}, **form).status_code == 200


def test_a_file_comes_with_a_question_in_base64_or_by_its_id(client: TestClient) -> None:
    data = base64.b64encode(TEXT).decode()
    sent = client.post("/v1/files", data={"purpose": "user_data"}, files={"file": ("b.txt", TEXT)}).json()
    assert (sent["object"], sent["filename"], sent["bytes"]) == ("file", "b.txt", len(TEXT))
    assert client.get(f"/v1/files/{sent['id']}").json() == sent
    files = ({"filename": "a.txt", "file_data": f"data:text/plain;base64,{data}"}, {"file_id": sent["id"]})
    answer = client.post(PATH, json=asked_with(*files)).json()
    assert answer["citations"][0]["files"] == {"a.txt": TEXT.decode(), "b.txt": TEXT.decode()}


def test_a_file_stays_with_the_conversation_and_is_one_however_often_it_comes(client: TestClient) -> None:
    file = {"filename": "a.txt", "file_data": base64.b64encode(TEXT).decode()}
    messages = asked_with(file, file)["messages"]
    messages += [{"role": "assistant", "content": "Pell."}, {"role": "user", "content": "Is he?"}]
    answer = client.post(PATH, json={"messages": messages}).json()
    assert answer["citations"][0] == {"turns": 1, "files": {"a.txt": TEXT.decode()}}
    assert len(client.get("/v1/files").json()["data"]) == 1


def test_a_file_that_is_deleted_is_gone(client: TestClient, uploads: Uploads) -> None:
    sent = client.post("/v1/files", files={"file": ("a.txt", TEXT)}).json()
    assert client.delete(f"/v1/files/{sent['id']}").json()["deleted"] is True
    assert list(uploads.folder.rglob("*")) == []
    answer = client.post(PATH, json=asked_with({"file_id": sent["id"]}))
    assert (answer.status_code, answer.json()["error"]["message"].split(":")[0]) == (
        404,
        "there is no file of that id, or not any more",
    )
    assert client.get(f"/v1/files/{sent['id']}").status_code == 404


@pytest.mark.parametrize(
    ("part", "told"),
    [
        ({"type": "file", "file": {"file_data": "data:text/plain;base64,#"}}, "no base64"),
        ({"type": "file", "file": {"file_data": ""}}, "is empty"),
        ({"type": "file", "file": {"file_data": base64.b64encode(b" " * 1001).decode()}}, "--upload-limit"),
        ({"type": "file", "file": {}}, "file_id"),
        ({"type": "image_url", "image_url": {"url": "data:"}}, "'text', 'refusal' or 'file'"),
    ],
)
def test_what_cannot_be_attached_is_said(client: TestClient, part: dict[str, Any], told: str) -> None:
    response = client.post(
        PATH, json={"messages": [{"role": "user", "content": [part, {"type": "text", "text": "?"}]}]}
    )
    assert response.status_code == 400
    assert told in response.json()["error"]["message"]


def test_a_request_of_any_kind_has_a_size(client: TestClient, uploads: Uploads) -> None:
    response = client.post("/v1/files", files={"file": ("a.txt", b" " * (3 << 20))})
    assert (response.status_code, uploads.listed()) == (413, [])
    assert "--upload-limit" in response.json()["error"]["message"]


def test_reading_is_told_of_while_it_goes_on(uploads: Uploads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("freqkv_cli.serving.app.PATIENCE", 0.01)
    played = PlayedAnswers()
    client = client_of(uploads, played=played)
    sent = client.post("/v1/files", files={"file": ("a.txt", TEXT)}).json()
    lines = []
    with client.stream("POST", f"/v1/files/{sent['id']}/read") as response:
        for line in response.iter_lines():
            lines += [line] if line else []
            if '"share": 0.25' in line:
                played.seen.set()  # it goes on when this has been told
    assert any('"reading"' in line and '"share": 0.25' in line for line in lines if line.startswith(": "))
    assert [line for line in lines if line.startswith("data: ")] == ['data: {"tokens_read": 33}', "data: [DONE]"]


def test_an_error_calls_a_file_as_its_sender_did(client: TestClient) -> None:
    wrong = {"filename": "../../no such.png", "file_data": base64.b64encode(b"wrong").decode()}
    told = client.post(PATH, json=asked_with(wrong)).json()["error"]["message"]
    assert told == "no such.png is a PNG image"


def test_the_oldest_files_go_when_all_are_too_large(uploads: Uploads) -> None:
    kept = [uploads.add(f"{number}.txt", bytes([number]) * 1000).id for number in range(1, 13)]
    assert [one["id"] for one in uploads.listed()] == kept[2:]
    assert sorted(path.name for path in uploads.folder.iterdir()) == sorted(kept[2:])


def test_the_page_runs_its_own_script_alone(uploads: Uploads) -> None:
    page = client_of(uploads, "secret").get("/")
    assert page.headers["content-type"].startswith("text/html")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'sha256-" in policy
    assert "unsafe" not in policy
    assert "http://" not in page.text
    assert "https://" not in page.text
