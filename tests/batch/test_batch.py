"""Batches: every document and task gets one row, whatever happens to documents and processes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import pytest

from freqkv_cli.batch.jobs import ASK, SUMMARIZE, BatchJob, Demand
from freqkv_cli.batch.results import open_results
from freqkv_cli.batch.run import require_room, run_batch
from freqkv_cli.batch.shared_model import SharedModel
from freqkv_cli.config import Settings
from freqkv_cli.errors import MemoryLimitError
from freqkv_cli.events import Done, Event, Progress
from freqkv_cli.reading import plan as planning

QUESTION = Demand(ASK, "Which line?")
TEXT = "Line {} of a story that goes on for a while.\n"


@pytest.fixture
def documents(tmp_path: Path) -> list[Path]:
    """Twenty documents; the fourth is a broken PDF, the twelfth empty."""
    folder = tmp_path / "documents"
    folder.mkdir()
    for number in range(20):
        (folder / f"{number:02}.txt").write_text("".join(map(TEXT.format, range(number + 3))))
    (folder / "03.txt").write_bytes(b"%PDF-1.7\nbroken")
    (folder / "11.txt").write_bytes(b"")
    return sorted(folder.iterdir())


def settings(model: str, **given: Any) -> Settings:
    return Settings(**{"model": model, "recall": 0, "max_tokens": 2, **given})


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def run(out: Path, jobs: list[BatchJob], chosen: Settings, **how: Any) -> list[Event]:
    with open_results(out, **how) as results:
        return list(run_batch(jobs, chosen, results))


def test_every_document_has_a_row_and_failures_are_rows(tiny: str, documents: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    jobs = [BatchJob(str(path), (QUESTION,)) for path in (*documents[2:5], tmp_path / "gone.txt")]
    jobs.append(BatchJob(str(documents[5]), (QUESTION,), "own", (("model", "other"),)))
    seen = run(out, jobs, settings(tiny))
    by_path = {row["path"]: row for row in rows(out)}
    assert len(by_path) == len(rows(out)) == 5
    good, broken, gone = (by_path[str(path)] for path in (documents[2], documents[3], tmp_path / "gone.txt"))
    assert (good["status"], good["exit_code"], good["command"], good["schema_version"]) == ("ok", 0, "ask", 1)
    assert good["input"][0]["tokens_dropped"] == 0
    assert (broken["status"], broken["exit_code"]) == ("error", 3)
    assert str(documents[3]) in broken["message"]
    assert (gone["status"], gone["exit_code"]) == ("error", 3)
    assert "cannot be an option of one document" in by_path[str(documents[5])]["message"]
    done = seen[-1]
    assert isinstance(done, Done)
    assert (done.report["rows"], done.report["failed"], done.report["failed_in_file"]) == (5, 3, 3)
    assert any(isinstance(event, Progress) and event.detail == "1 of 5 documents, 1 failed" for event in seen)


def test_a_second_run_does_what_is_left_and_failures_when_asked(
    tiny: str, documents: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    jobs = [BatchJob(str(path), (QUESTION,)) for path in documents[2:4]]
    run(out, jobs, settings(tiny))
    first = out.read_bytes()
    assert run(out, jobs, settings(tiny))[-1].report["skipped"] == 2  # type: ignore[union-attr]
    assert out.read_bytes() == first
    documents[3].write_text("repaired, and long enough to be read.\n")
    run(out, [BatchJob(str(documents[3]), (QUESTION,))], settings(tiny), retry_failed=True)
    assert [row["status"] for row in rows(out)] == ["ok", "ok"]


def test_one_reading_serves_all_that_is_wanted(tiny: str, documents: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    demands = (Demand(SUMMARIZE), QUESTION, Demand(ASK, "And which one?"))
    seen = run(out, [BatchJob(str(documents[6]), demands)], settings(tiny, cache=False))
    assert [row["task"] for row in rows(out)] == ["summarize", "ask", "ask"]
    assert len({row["tokens_read"] for row in rows(out)}) == 1
    read = [event.tokens_done for event in seen if isinstance(event, Progress)]
    assert read == sorted(read)


def test_an_interrupt_ends_the_batch_and_is_no_row(tiny: str, documents: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    with open_results(out) as results:
        events = run_batch([BatchJob(str(path), (QUESTION,)) for path in documents[:3]], settings(tiny), results)
        while not rows(out):
            next(events)
        with pytest.raises(KeyboardInterrupt):
            events.throw(KeyboardInterrupt())  # type: ignore[attr-defined]
    assert len(rows(out)) == 1


def test_workers_that_do_not_fit_are_refused_with_the_numbers(tiny: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "available_memory", lambda device: 3 * 10**9)
    list(require_room(settings(tiny), 1))
    with pytest.raises(MemoryLimitError, match=r"100 workers need about .* free: give fewer"):
        list(require_room(settings(tiny), 100))


def test_a_model_that_is_not_there_ends_the_batch(documents: list[Path], tmp_path: Path) -> None:
    shared = SharedModel(settings(str(tmp_path / "no.gguf")))
    with pytest.raises(Exception, match=r"no\.gguf"):
        list(shared.load())


def started(model: str, documents: list[Path], out: Path, *more: str) -> "subprocess.Popen[bytes]":
    """A process that puts one question to each."""
    question = out.with_name("q.txt")
    question.write_text("Which line?\n")
    command = [sys.executable, "-m", "freqkv_cli", "batch", str(documents[0].parent), "--ask", str(question), "-q"]
    command += ["-o", str(out), "--model", model, "--recall", "0", "--max-tokens", "2", *more]
    return subprocess.Popen(command, start_new_session=True)


def wait_for(out: Path, count: int, process: "subprocess.Popen[bytes]") -> None:
    """Until so many rows are there."""
    while len(out.read_bytes().splitlines() if out.exists() else ()) < count and process.poll() is None:
        time.sleep(0.002)


def test_killed_and_started_again_there_are_twenty_rows_and_none_twice(
    tiny: str, documents: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    process = started(tiny, documents, out)
    wait_for(out, 4, process)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    with out.open("ab") as file:
        file.write(b'{"id": "to')
    process = started(tiny, documents, out)
    wait_for(out, 10, process)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 143
    assert started(tiny, documents, out).wait() == 1
    assert Counter(row["path"] for row in rows(out)) == Counter(map(str, documents))
    assert sorted(row["path"] for row in rows(out) if row["status"] == "error") == [
        str(documents[3]),
        str(documents[11]),
    ]


def test_a_worker_that_is_killed_is_replaced(tiny: str, documents: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    process = started(tiny, documents, out, "--workers", "2")
    wait_for(out, 2, process)
    workers = [one for one in psutil.Process(process.pid).children() if "spawn_main" in " ".join(one.cmdline())]
    os.kill(workers[0].pid, signal.SIGKILL)
    assert process.wait() == 1
    assert Counter(row["path"] for row in rows(out)) == Counter(map(str, documents))
    assert sum(row["status"] == "error" for row in rows(out)) == 2
