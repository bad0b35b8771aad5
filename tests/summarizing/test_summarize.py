"""freqkv summarize as a whole: a tiny model reads; what reaches the user, and the report."""

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from freqkv_cli.config import Settings
from freqkv_cli.documents import open_documents
from freqkv_cli.events import Done, Event, Note, Text
from freqkv_cli.reading.session import Session
from freqkv_cli.reading.writing import Answer
from freqkv_cli.summarizing import notes as noting
from freqkv_cli.summarizing.summarize import summarize
from tests.reading.playing import Played
from tests.reading.readings import read_to
from tests.summarizing.conftest import EVENTS

Play = Callable[[Callable[[str], str]], Played]


def run(path: Path, model: str, **settings: Any) -> tuple[str, dict[str, Any], list[Note]]:
    chosen = Settings(**{"model": model, "cache_size": 2048, **settings})
    events = list(summarize(open_documents([str(path)]), chosen))
    done = events[-1]
    assert isinstance(done, Done)
    shown = "".join(event.delta for event in events if isinstance(event, Text))
    assert done.report["text"] == shown
    return shown, done.report, [event for event in events if isinstance(event, Note)]


def test_the_report_has_all_of_it(reader: str, voyage: Path, play: Play) -> None:
    play(lambda request: "They met Gandalf." if "what kind" in request else EVENTS[0])
    text, report, notes = run(voyage, reader, notes=True)
    assert report["tokens_dropped"] == 0
    assert report["tokens_read"] == report["input"][0]["tokens"] > 4000
    assert (report["written"], report["repeated"], report["unverified"], report["extract"]) == (
        2,
        5,
        ["Gandalf"],
        False,
    )
    assert [citation["verdict"] for citation in report["citations"]] == ["not found", "quoted"]
    assert report["citations"][0]["place"] in text
    assert [note["title"] for note in report["notes"]] == [f"CHAPTER {number}" for number in range(1, 7)]
    assert text.split("\n\nNotes\n\n")[1].count("\n") == 6
    wanted = [note.message for note in notes if note.wanted]
    assert [message.split(",")[0] for message in wanted[:6]] == [f"CHAPTER {number}" for number in range(1, 7)]
    assert report["timing"]["notes_s"] >= 0


def test_a_model_that_is_too_small_says_so(reader: str, voyage: Path) -> None:
    _, report, notes = run(voyage, reader)
    assert (report["extract"], report["written"]) == (True, 0)
    assert any("too small" in note.message for note in notes if note.wanted)
    assert report["citations"]
    _, report, notes = run(voyage, reader, effort="low", refresh=True)
    assert any("--effort low" in note.message for note in notes if note.wanted)


def test_a_state_gives_the_summary_that_its_document_gives(reader: str, voyage: Path, tmp_path: Path) -> None:
    state = tmp_path / "voyage.freqkv"
    read_to(state, voyage, reader, cache_size=2048, cache=False)
    text, report, _ = run(voyage, reader, notes=True)
    again, of_state, _ = run(state, reader, notes=True)
    kept, of_shelf, _ = run(voyage, reader, notes=True)
    assert again == kept == text
    assert (report["cache"]["hit"], of_state["cache"]["hit"], of_shelf["cache"]["hit"]) == (False, True, True)
    assert of_state["notes"] == of_shelf["notes"] == report["notes"]


def test_an_interrupted_summary_keeps_the_notes(
    reader: str, voyage: Path, monkeypatch: pytest.MonkeyPatch, play: Play
) -> None:
    play(lambda request: "")
    monkeypatch.setattr(noting, "can_write", lambda session: False)  # notes are quoted, and the summary is stopped

    def stopped(*given: object, **how: object) -> Generator[Event, None, Answer]:
        yield from ()
        raise KeyboardInterrupt

    monkeypatch.setattr(Session, "answer", stopped)
    _, report, _ = run(voyage, reader)
    assert report["finish_reason"] == "interrupted"
    assert len(report["notes"]) == 6


def test_a_document_of_figures_alone(reader: str, tmp_path: Path, play: Play) -> None:
    path = tmp_path / "figures.txt"
    path.write_text("1 2 3 4\n" * 50)
    play(lambda request: "")
    _, report, _ = run(path, reader)
    assert report["tokens_dropped"] == 0
    assert report["notes"]


def test_the_model_writes_for_real(reader: str, voyage: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noting, "WRITER", 0)
    _, report, _ = run(voyage, reader, max_tokens=5)
    assert report["tokens_dropped"] == 0
    assert not report["extract"]
