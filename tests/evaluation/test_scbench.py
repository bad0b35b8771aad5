"""Shared contexts in the format of SCBench, from a small file of the test's own."""

import json
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest

from freqkv_cli.errors import InputError, UsageError
from freqkv_cli.evaluation.scbench import LONGEST, TASKS, open_shared
from freqkv_cli.evaluation.session_text import SharedSession
from tests.evaluation.byte_tokens import Bytes

KV = {
    "id": 0,
    "context": '{"a": "11", "b": "22", "c": "33"}',
    "multi_turns": [
        {"input": 'Key: "a"\nThe value is: ', "answer": "11"},
        {"input": 'Key: "c"\nThe value is: ', "answer": "33"},
        {"input": 'Key: "b"\nThe value is: ', "answer": "22"},
    ],
}


def write(folder: Path, name: str, *records: Any) -> Path:
    path = folder / f"{name}.jsonl"
    path.write_text("\n\n".join(json.dumps(record) for record in records))
    return path


def read(path: Path, tokens: int | None = None, turns: int = 8, count: int = 8) -> list[SharedSession]:
    return open_shared(str(path), offline=True).sessions(Bytes(), tokens, turns, count)


def decoded(session: SharedSession) -> list[tuple[str, list[str]]]:
    return [(bytes(turn.cue).decode(), [bytes(answer).decode() for answer in turn.answers]) for turn in session.turns]


def test_wrong_answers_are_those_of_other_turns(tmp_path: Path) -> None:
    (session,) = read(write(tmp_path, "scbench_kv", KV))
    assert (session.kind, bytes(session.context).decode()) == ("scbench_kv", KV["context"])
    assert decoded(session) == [
        ('\n\nKey: "a"\nThe value is:', [" 11", " 33", " 22"]),
        ('\n\nKey: "c"\nThe value is:', [" 33", " 11", " 22"]),
        ('\n\nKey: "b"\nThe value is:', [" 22", " 11", " 33"]),
    ]
    assert {turn.kind for turn in session.turns} == {"scbench_kv"}


def test_options_numbers_and_lists(tmp_path: Path) -> None:
    choice = {
        "context": "a book",
        "multi_turns": [{"input": "Who?", "answer": "Ann", "options": ["Bob", "Ann", "Cid", "Eve"]}],
    }
    (session,) = read(write(tmp_path, "scbench_choice_eng", choice))
    assert decoded(session) == [("\n\nQuestion: Who?\nAnswer:", [" Ann", " Bob", " Cid", " Eve"])]
    numbers = {
        "context": [4, 5, 6],
        "multi_turns": [{"input": "The largest is", "answer": 6}, {"input": "The smallest is", "answer": 4}],
    }
    (session,) = read(write(tmp_path, "scbench_mf", numbers))
    assert bytes(session.context) == b"4, 5, 6"
    assert decoded(session)[0] == ("\n\nThe largest is", [" 6", " 4"])
    traced = {
        "input": "VAR A = 1",
        "multi_turns": [{"input": "1:", "answer": ["A", "B"]}, {"input": "2:", "answer": ["C"]}],
    }
    (session,) = read(write(tmp_path, "scbench_vt", traced))
    assert bytes(session.context) == b"VAR A = 1"
    assert decoded(session)[0][1] == [" A, B", " C"]


def test_mixed_tasks_and_long_answers(tmp_path: Path) -> None:
    mixed = {
        "context": "code",
        "multi_turns": [
            {"input": "which", "answer": "x" * 100, "task": "scbench_repoqa"},
            {"input": "what", "answer": "y", "task": "scbench_kv"},
        ],
    }
    (session,) = read(write(tmp_path, "scbench_repoqa_and_kv", mixed))
    assert [turn.kind for turn in session.turns] == ["scbench_repoqa", "scbench_kv"]
    assert len(session.turns[0].answers[0]) == LONGEST


def test_as_many_as_asked_for(tmp_path: Path) -> None:
    alone = {"context": "nothing to choose from", "multi_turns": [{"input": "a", "answer": "b"}]}
    path = write(tmp_path, "scbench_kv", alone, KV, KV, KV)
    assert len(read(path)) == 3
    assert len(read(path, count=2)) == 2
    (session,) = read(path, tokens=10, turns=2, count=1)
    assert bytes(session.context) == b'{"a": "33"}'[:5] + b' "33"}'[-5:]
    assert len(session.turns) == 2


def test_a_report_tells_which_file_it_was(tmp_path: Path) -> None:
    shared = open_shared(str(write(tmp_path, "scbench_kv", KV)), offline=True)
    told = shared.as_json()
    assert (told["name"], len(told["sha256"])) == ("scbench_kv", 64)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("not JSON", "own.jsonl cannot be read as JSON, one object a line"),
        ("[1, 2]", "own.jsonl, line 1, is no context of SCBench"),
        ('\n{"context": "a"}', "own.jsonl, line 2, is no context of SCBench"),
        ('{"context": "a", "multi_turns": [{"input": 3, "answer": "x"}]}', "line 1, is no context of SCBench"),
        ('{"context": "a", "multi_turns": [{"input": "q", "answer": null}]}', "line 1, is no context of SCBench"),
        ('{"context": "a", "multi_turns": [{"input": "q", "answer": "x"}]}', "no context with turns to choose"),
        ("", "no context with turns to choose"),
        ("\xff", "cannot be read as JSON"),
    ],
)
def test_what_is_no_such_file(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "own.jsonl"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=problem):
        read(path)


def test_neither_a_file_nor_a_task(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="neither a file nor a task of microsoft/SCBench: scbench_kv, "):
        open_shared(str(tmp_path), offline=True)


class Hub:
    """Plays the hub: has nothing on this machine, and answers `dataset_info` with an error where there is one."""

    def __init__(self, file: Path | None = None, error: Exception | None = None) -> None:
        self.file, self.error = file, error
        self.asked: list[tuple[Any, ...]] = []

    def hf_hub_download(self, *asked: str, repo_type: str, local_files_only: bool = False) -> str:
        self.asked.append((*asked, repo_type, local_files_only))
        if local_files_only:
            raise huggingface_hub.errors.LocalEntryNotFoundError("nothing here")
        return str(self.file)

    def dataset_info(self, repository: str) -> None:
        if self.error is not None:
            raise self.error

    def play(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(huggingface_hub, "hf_hub_download", self.hf_hub_download)
        monkeypatch.setattr(huggingface_hub, "HfApi", lambda: self)


def test_a_task_comes_from_the_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hub = Hub(write(tmp_path, "scbench_kv", KV))
    hub.play(monkeypatch)
    (session,) = open_shared("scbench_kv", offline=False).sessions(Bytes(), None, 8, 8)
    assert len(session.turns) == 3
    assert hub.asked == [("microsoft/SCBench", "data/scbench_kv.jsonl", "dataset", local) for local in (True, False)]


def refusal(status: int) -> Exception:
    error = OSError("refused")
    error.response = type("Response", (), {"status_code": status})()  # type: ignore[attr-defined]
    return error


@pytest.mark.parametrize(
    ("offline", "error", "why"),
    [
        (True, None, "it is not on this machine, and --offline is set"),
        (False, ConnectionError("a long\nstory"), "no connection to the hub"),
        (False, refusal(404), "the hub answered 404"),
    ],
)
def test_no_hub_is_one_line(monkeypatch: pytest.MonkeyPatch, offline: bool, error: Exception | None, why: str) -> None:
    Hub(error=error).play(monkeypatch)
    with pytest.raises(InputError) as caught:
        open_shared(TASKS[-1], offline=offline)
    assert caught.value.message == (
        f"cannot fetch data/scbench_repoqa_and_kv.jsonl of microsoft/SCBench: {why}; "
        "give a copy of that file as --data FILE"
    )
