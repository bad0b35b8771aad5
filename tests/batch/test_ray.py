"""Batches on a local Ray of two workers, one of which is killed. Skipped without Ray: pip install "freqkv[ray]"."""

import json
import os
import signal
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from freqkv_cli.batch import ray_engine
from freqkv_cli.batch.jobs import ASK, SUMMARIZE, BatchJob, Demand
from freqkv_cli.batch.ray_engine import COLUMNS, BatchReader
from freqkv_cli.batch.results import open_results
from freqkv_cli.batch.run import run_batch
from freqkv_cli.config import Settings

QUESTION = Demand(ASK, "Which line?")


@pytest.fixture
def documents(tmp_path: Path) -> list[Path]:
    """Eight documents; the third is a broken PDF."""
    paths = [tmp_path / f"{number}.txt" for number in range(8)]
    for number, path in enumerate(paths):
        path.write_text(f"Line {number} of a story that goes on for a while.\n" * 3)
    paths[2].write_bytes(b"%PDF-1.7\nbroken")
    return paths


@pytest.fixture
def cluster() -> Iterator[Any]:
    """Ray in this machine."""
    ray = pytest.importorskip("ray")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=200 * 2**20)
    yield ray
    ray.shutdown()


class DyingReader(BatchReader):
    """Is killed at its sixth document, once."""

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, list[Any]]:
        """Read, or die."""
        path = Path(json.loads(str(batch["job"][0]))["job"]["path"])
        died = path.with_name("died")
        if path.name == "5.txt" and not died.exists():
            died.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(batch)


def test_a_batch_of_columns_becomes_rows(tiny: str, documents: list[Path]) -> None:
    reader = BatchReader(["Which line?"], summarize=True, model=tiny, recall=0, max_tokens="2")
    found = reader({"path": [str(documents[0]), str(documents[2])], "id": ["a", "b"]})
    assert tuple(found) == COLUMNS
    rows = [json.loads(row) for row in found["row"]]
    assert [(row["id"], row["task"], row["status"]) for row in rows] == [
        ("a", SUMMARIZE, "ok"),
        ("a", ASK, "ok"),
        ("b", SUMMARIZE, "error"),
        ("b", ASK, "error"),
    ]
    assert found["status"] == ["ok", "ok", "error", "error"]
    assert found["text"][1] == rows[1]["text"]


def test_no_document_is_lost_with_a_worker_and_none_is_there_twice(
    cluster: Any, tiny: str, documents: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_engine, "BatchReader", DyingReader)
    out = tmp_path / "out.jsonl"
    jobs = [BatchJob(str(path), (QUESTION,)) for path in documents]
    chosen = Settings(model=tiny, recall=0, max_tokens=2, device="cpu", cache=False)
    with open_results(out) as results:
        for _ in run_batch(jobs, chosen, results, 2, on_ray=True):
            pass
    assert (tmp_path / "died").exists()
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert Counter(row["path"] for row in rows) == Counter(map(str, documents))
    assert [row["path"] for row in rows if row["status"] == "error"] == [str(documents[2])]
