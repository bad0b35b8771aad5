"""freqkv evaluate perplexity, from a text to the table, with a tiny model."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from freqkv_cli.config import Settings
from freqkv_cli.documents.document import open_document
from freqkv_cli.errors import InputError, UsageError
from freqkv_cli.evaluation.perplexity import evaluate_perplexity
from freqkv_cli.events import Done, Event, Progress, Text
from tests.tiny_folder import save_tiny_model

LABELS = ("freqkv", "window", "window@0.75", "morph", "full")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_tiny_model(tmp_path_factory.mktemp("model"), window=600)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("book") / "book.txt"
    path.write_text("The ship sailed on, and nobody knew where to. " * 20)
    return path


def measure(book: Path, model: str, labels: tuple[str, ...] = LABELS, **options: Any) -> list[Event]:
    with open_document(str(book)) as document:
        return list(evaluate_perplexity([document], Settings(model=model, cache_size=200), labels, 900, **options))


def report_of(events: list[Event]) -> dict[str, Any]:
    (done,) = (event for event in events if isinstance(event, Done))
    json.dumps(done.report)
    return done.report


def test_every_policy_reads_the_same_tokens(book: Path, model: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    events = measure(book, model, plot=tmp_path / "p.svg")
    report = report_of(events)
    rows = {row["policy"]: row for row in report["rows"]}
    assert list(rows) == list(LABELS)
    assert [row["tokens"] for row in rows.values()] == [899, 899, 899, 899, 599]
    assert [row["cache_size"] for row in rows.values()] == [200, 200, 150, 200, 600]
    assert rows["freqkv"]["ratio"] == 1.0
    assert rows["freqkv"]["ratio_ci95"] == [1.0, 1.0]
    assert len({row["perplexity"] for row in rows.values()}) == 5
    for row in rows.values():
        assert row["ci95"][0] < row["perplexity"] < row["ci95"][1]
        assert sum(bucket["tokens"] for bucket in row["by_position"]) == row["tokens"]
    assert report["model"]["weights"]
    assert report["documents"][0]["sha256"]
    last = [event for event in events if isinstance(event, Progress) and event.phase == "reading"][-1]
    assert last.tokens_done == last.tokens_total == 4 * 900 + 600
    shown = "".join(event.delta for event in events if isinstance(event, Text))
    assert all(label in shown for label in LABELS)
    assert "<svg" in (tmp_path / "p.svg").read_text()


def test_before_the_first_compression_all_policies_agree(book: Path, model: str) -> None:
    with open_document(str(book)) as document:
        settings = Settings(model=model, cache_size=300)
        rows = report_of(list(evaluate_perplexity([document], settings, LABELS[:2], 280)))["rows"]
    assert rows[0]["perplexity"] == rows[1]["perplexity"]
    assert rows[1]["ratio"] == 1.0


def test_an_interrupt_leaves_what_has_been_measured(book: Path, model: str) -> None:
    with open_document(str(book)) as document:
        events: Any = evaluate_perplexity([document], Settings(model=model, cache_size=200), LABELS, 900)
        for event in events:
            if isinstance(event, Progress) and event.source == "window":
                break
        rest: Iterator[Event] = iter([events.throw(KeyboardInterrupt()), *events])
        report = report_of(list(rest))
    assert [row["policy"] for row in report["rows"]] == ["freqkv"]
    assert report["finish_reason"] == "interrupted"


def test_a_text_without_tokens_is_refused(model: str, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("x")
    with pytest.raises(InputError, match="fewer than two tokens"):
        measure(path, model)


def test_ratios_are_to_what_is_named(book: Path, model: str) -> None:
    rows = {row["policy"]: row for row in report_of(measure(book, model, LABELS[:2], reference="window"))["rows"]}
    assert {row["reference"] for row in rows.values()} == {"window"}
    assert rows["window"]["ratio"] == 1.0 != rows["freqkv"]["ratio"]
    with pytest.raises(UsageError, match="there are freqkv, window"):
        measure(book, model, LABELS[:2], reference="windows")
