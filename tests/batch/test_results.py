"""The output of a batch: rows are there once, whole, and tell what is left."""

import json
from pathlib import Path
from typing import Any

import pytest

from freqkv_cli.batch.jobs import ASK, SUMMARIZE, Demand
from freqkv_cli.batch.results import open_results
from freqkv_cli.errors import UsageError

SUMMARY = Demand(SUMMARIZE)


def row(name: str, status: str = "ok", question: str | None = None) -> dict[str, Any]:
    return {"id": name, "task": ASK if question else SUMMARIZE, "question": question, "status": status}


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_row_is_on_the_disk_at_once_and_only_once(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    with open_results(path) as results:
        results.add(row("a"))
        results.add(row("a"))
        results.add(row("a", question="Who?"))
        assert rows(path) == [row("a"), row("a", question="Who?")]
        assert results.has("a", SUMMARY)
        assert not results.has("b", SUMMARY)
    assert [one.name for one in tmp_path.iterdir()] == ["out.jsonl"]


@pytest.mark.parametrize("torn", ['{"id": "b", "tas', json.dumps(row("b"))])
def test_a_line_that_a_kill_tore_is_taken_away_or_ended(tmp_path: Path, torn: str) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text(json.dumps(row("a")) + "\n" + torn)
    whole = torn.endswith("}")
    with open_results(path) as results:
        assert results.has("b", SUMMARY) == whole
        results.add(row("c"))
    assert [one["id"] for one in rows(path)] == ["a", *["b"] * whole, "c"]


def test_what_failed_is_taken_away_to_be_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in (row("a"), row("b", "error"), row("c"))))
    with open_results(path) as results:
        assert results.has("b", SUMMARY)
    with open_results(path, retry_failed=True) as results:
        assert not results.has("b", SUMMARY)
    assert [one["id"] for one in rows(path)] == ["a", "c"]


def test_what_is_no_output_of_a_batch_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "book.txt"
    path.write_text("A book.\nNothing else.\n")
    with pytest.raises(UsageError, match="line 1 of"), open_results(path):
        pass
    assert path.read_text() == "A book.\nNothing else.\n"
    with pytest.raises(UsageError, match="cannot be written"), open_results(tmp_path / "no" / "out.jsonl"):
        pass


def test_two_batches_do_not_write_one_file(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    with open_results(path), pytest.raises(UsageError, match="another freqkv"), open_results(path):
        pass
