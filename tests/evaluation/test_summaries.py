"""Measuring summaries of a small document: played summaries, reports from files, the table."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from freqkv_cli.config import Settings
from freqkv_cli.documents.document import Document, open_document
from freqkv_cli.errors import InputError
from freqkv_cli.evaluation import summaries
from freqkv_cli.evaluation.summaries import evaluate_summaries, measure, read_report, read_whole, summaries_table
from freqkv_cli.events import Done, Event, Progress, Text
from freqkv_cli.summarizing.note import SectionNote
from freqkv_cli.summarizing.outline import Sentence, Writer, notes_text
from tests.evaluation.test_summary_scores import PEOPLE, TEXT

GOOD: dict[str, Any] = {"text": "Anna met Zara. Later came Jonas.", "finish_reason": "stop", "tokens_read": 600}

NOTE: dict[str, Any] = {"text": "Anna met Zara.", "start": 0.0, "end": 0.1, "quoted": False}


@pytest.fixture
def document(tmp_path: Path) -> Iterator[Document]:
    path = tmp_path / "people.md"
    path.write_text(f"# The Arrival\n\n{TEXT}", encoding="utf-8")
    with open_document(str(path)) as opened:
        yield opened


def test_a_clean_summary() -> None:
    found = measure(TEXT, [], GOOD, 10)
    assert [number for number, tenth in enumerate(found["tenths"]) if tenth["reached"]] == [0, 9]
    assert (found["tenths_reached"], found["tenths_noted"], found["notes"]) == (2, 0, 0)
    assert (found["invented"], found["repeated"], found["chat"], found["cut_off"]) == ([], [], [], False)
    assert (found["words"], found["words_asked"], found["sentences"]) == (6, 10, 2)


def test_notes_reach_every_tenth_and_their_faults_are_found() -> None:
    notes: list[dict[str, Any]] = [
        {"title": str(number), "text": f"Then {name} met Zara.", "start": number / 10, "end": (number + 1) / 10}
        for number, name in enumerate(PEOPLE)
    ]
    notes[3]["text"] += " Here is a summary: the end with Gandalf"
    notes[4]["text"] = notes[5]["text"]
    found = measure(TEXT, [], {**GOOD, "notes": notes})
    assert found["tenths_noted"] == 10
    assert found["invented"] == ["Gandalf"]
    assert found["cut_off_notes"] == 1
    assert len(found["chat"]) == 1
    assert found["repeated"] == []
    assert "Then Franz met Zara." in found["repeated_notes"]


def test_the_whole_text_with_its_headings(document: Document) -> None:
    text, headings = read_whole(document)
    assert text.endswith(TEXT)
    assert headings == [(0.0, "The Arrival")]


def test_a_summary_is_made_and_its_words_stay_off_the_table(
    document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    def played(documents: Any, settings: Settings) -> Iterator[Event]:
        yield Progress("reading")
        yield Text(GOOD["text"])
        yield Done(dict(GOOD))

    monkeypatch.setattr(summaries, "summarize", played)
    first, table, done = evaluate_summaries([document], Settings(length=7))
    assert isinstance(first, Progress)
    assert isinstance(table, Text)
    assert isinstance(done, Done)
    assert "| people.md | 2/10 " in table.delta
    assert "| 6/7 " in table.delta
    assert GOOD["text"] not in table.delta
    assert done.report["summaries"][0]["text"] == GOOD["text"]
    assert done.report["tokens_read"] == 600


def test_an_interrupted_summary_ends_the_measuring(document: Document, monkeypatch: pytest.MonkeyPatch) -> None:
    played = iter([Done({**GOOD, "finish_reason": "interrupted"})])
    monkeypatch.setattr(summaries, "summarize", lambda documents, settings: played)
    with pytest.raises(KeyboardInterrupt):
        list(evaluate_summaries([document], Settings()))


def test_reports_are_read_instead(document: Document, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps(GOOD), encoding="utf-8")
    *_, done = evaluate_summaries([document], Settings(length=60), [read_report(str(path))])
    assert isinstance(done, Done)
    assert done.report["summaries"][0]["words_asked"] == 60


@pytest.mark.parametrize("format", ["text", "markdown", "bullets"])
def test_the_outline_below_a_summary_is_no_part_of_it(tmp_path: Path, format: str) -> None:
    note = SectionNote("One", "a.txt", "p. 1", "Ann sails.", True, "p. 1", 1, 1, None, None, 0.0, 1.0)
    writer = Writer(format, ["a.txt"])
    writer.add([Sentence("Ann sails.", None, own=True), Sentence("Notes are sung.", None, own=True)], [note])
    alone = writer.text
    writer.plain(notes_text([note], format, ["a.txt"]))
    path = tmp_path / "report.json"
    path.write_text(json.dumps({"text": writer.text}), encoding="utf-8")
    assert read_report(str(path))["text"].strip() == alone.strip()


@pytest.mark.parametrize("content", ["no json", "[]", '{"summary": "x"}', '{"text": null}'])
def test_a_file_that_is_no_report_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match="give the output of summarize --json"):
        read_report(str(path))


def test_the_table_says_what_was_wrong() -> None:
    bad = {"text": "Anna met Gandalf. Sure, here is more", "finish_reason": "length"}
    shown = summaries_table([{"document": "x/people.md", **measure(TEXT, [], bad)}])
    assert "people.md, invented: Gandalf\n" in shown
    assert "people.md, chat: Sure, here is more\n" in shown
    assert "| yes " in shown
    assert "/- " in shown
    assert "| -/- " in shown
    timed = {**bad, "timing": {"notes_s": 61.4, "read_s": 120.0}, "notes": [NOTE, {**NOTE, "quoted": True}]}
    shown = summaries_table([{"document": "x/people.md", **measure(TEXT, [], timed)}])
    assert "| 2 (1) " in shown
    assert "| 61/120 " in shown
