"""Notes: one behind every section, when it has been read; of true names and numbers alone; never taken twice."""

from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from freqkv_cli.config import Settings
from freqkv_cli.documents import open_documents
from freqkv_cli.events import Event, Note, Progress
from freqkv_cli.location import Location
from freqkv_cli.reading.session import Session
from freqkv_cli.reading.writing import Answer
from freqkv_cli.retrieval.passage import Passage
from freqkv_cli.states import checkpoints
from freqkv_cli.states.state_file import save_state
from freqkv_cli.summarizing import notes as noting
from freqkv_cli.summarizing.notes import NoteTaker, SectionNote, singular_lines
from freqkv_cli.summarizing.sections import Section
from freqkv_cli.summarizing.summarize import summarize
from tests.reading.playing import Played, ended, searched
from tests.reading.readings import read_to, session_of
from tests.summarizing.conftest import CHAPTERS, EVENTS

Play = Callable[[Callable[[str], str]], Played]
Summarize = Callable[..., Generator[Event, None, None]]


def taken(session: Session) -> list[SectionNote]:
    taker = NoteTaker(session)
    ended(taker.take_all())
    return taker.notes


def with_settings(session: Session, **settings: Any) -> Session:
    return replace(session, settings=Settings(**{"model": session.settings.model, "cache_size": 4096, **settings}))


def test_every_chapter_has_a_note_in_the_words_of_the_model(session: Session, play: Play) -> None:
    played = play(lambda request: "It rained on them.")
    notes = taken(session)
    assert [note.title for note in notes] == [f"CHAPTER {number}" for number in range(1, 7)]
    assert [(note.text, note.written) for note in notes] == [("It rained on them.", True)] * 6
    assert [note.first for note in notes] == [0, *(note.last + 1 for note in notes[:-1])]
    assert session.retriever is not None
    assert notes[-1].last == len(session.retriever.index) - 1
    assert [event in text for event, text in zip(EVENTS, played.consulted, strict=True)] == [True] * 6
    assert notes[1].label == f"CHAPTER 2, {notes[1].place}"
    assert notes[1].place.startswith("lines ")
    assert session.notes == notes


def test_sentences_with_names_or_numbers_of_nowhere_are_left_out(session: Session, play: Play) -> None:
    play(lambda request: "They met Gandalf. The pilot was Ambrose. There were 77 of them. They saw Old Cuthbert.")
    assert {note.text for note in taken(session)} == {"The pilot was Ambrose. They saw Old Cuthbert."}


def test_where_nothing_true_is_written_a_sentence_is_quoted(session: Session, play: Play) -> None:
    play(lambda request: "They met Gandalf.")
    for note, chapter in zip(taken(session), CHAPTERS, strict=True):
        assert not note.written
        assert note.text in " ".join(chapter.split())


def test_a_sentence_that_was_cut_off_is_left_out(session: Session, play: Play) -> None:
    play(lambda request: "The pilot was Ambrose. And then they").finish_reason = "length"
    assert taken(session)[0].text == "The pilot was Ambrose."


def test_an_interrupt_while_a_note_is_written_stops_the_notes(session: Session, play: Play) -> None:
    played = play(lambda request: "The pilot was Ambrose.")
    played.finish_reason = "interrupted"
    with pytest.raises(KeyboardInterrupt):
        taken(session)
    assert len(played.requests) == 1
    assert session.notes == []


def test_low_effort_and_small_models_write_nothing(session: Session, play: Play) -> None:
    played = play(lambda request: "never")
    notes = taken(with_settings(session, effort="low"))
    assert played.requests == []
    assert not any(note.written for note in notes)


def test_a_small_model_extracts(session: Session) -> None:
    assert session.loaded.model.num_parameters() < noting.WRITER
    assert not any(note.written for note in taken(session))


def test_in_a_cache_that_is_too_small_sentences_are_quoted(
    reader: str, voyage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(noting, "WRITER", 0)
    notes = taken(searched([voyage], reader, cache_size=600))
    assert notes
    assert not any(note.written for note in notes)


def test_topic_and_language_are_passed_on(session: Session, play: Play) -> None:
    played = play(lambda request: "")
    taken(with_settings(session, focus="herring and parrots", language="French"))
    assert all("herring and parrots" in request and "French" in request for request in played.requests)


def test_high_effort_takes_more_notes(session: Session, play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    play(lambda request: "")
    monkeypatch.setattr(noting, "WORDS", {"medium": 400, "high": 200})
    medium = len(taken(with_settings(session)))
    session.so_far.notes = []
    assert len(taken(with_settings(session, effort="high"))) >= 2 * medium > 0


def test_notes_of_another_shape_are_taken_anew(session: Session, play: Play) -> None:
    play(lambda request: "It rained on them.")
    session.so_far.notes = [
        {"title": "CHAPTER 1", "where": "line 3", "text": "Old.", "quoted": True, "start": 0.0, "end": 1.0}
    ]
    notes = taken(session)
    assert [note.text for note in notes] == ["It rained on them."] * 6


def test_notes_that_came_with_a_state_are_kept(session: Session, play: Play) -> None:
    play(lambda request: "It rained on them.")
    notes = taken(session)
    session.so_far.notes = [note.as_json() for note in notes]
    played = play(lambda request: "Anew.")
    assert taken(session) == notes
    assert played.requests == []


@pytest.fixture
def writing(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A played writer behind a model that really reads; collects how many tokens had been read at each note."""
    at: list[int] = []

    def answer(session: Session, request: str, max_tokens: int, **how: object) -> Generator[Event, None, Answer]:
        at.append(session.tokens_read)
        yield from ()
        return Answer("It rained on them.")

    monkeypatch.setattr(Session, "answer", answer)
    monkeypatch.setattr(noting, "WRITER", 0)
    monkeypatch.setattr(noting, "WORDS", {"low": 150, "medium": 150, "high": 75})
    return at


def reading(path: Path, model: str, **settings: Any) -> Generator[Event, None, None]:
    chosen = Settings(**{"model": model, "cache_size": 2048, "chunk": 128, **settings})
    return summarize(open_documents([str(path)]), chosen)  # type: ignore[return-value]


def test_a_note_is_taken_soon_after_its_section_was_read(reader: str, voyage: Path, writing: list[int]) -> None:
    list(reading(voyage, reader, cache=False))
    ends = [sum(map(len, CHAPTERS[:number])) for number in range(1, 7)]
    for at, end in zip(writing[:6], ends, strict=True):
        assert end - 60 <= at <= end + 1200  # the next passage must be there before a section is known to have ended


def test_a_resumed_reading_takes_no_note_twice(
    reader: str, voyage: Path, writing: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(checkpoints, "SHARE", 1e9)
    events = reading(voyage, reader)
    stopped: list[Event] = []
    with suppress(KeyboardInterrupt):
        for event in events:
            stopped.append(event)
            if isinstance(event, Progress) and event.phase == "reading" and len(writing) == 3:
                stopped.append(events.throw(KeyboardInterrupt()))
    assert any(isinstance(event, Note) and "stopped at token" in event.message for event in stopped)
    before = len(writing)
    seen = list(reading(voyage, reader))
    told = [event.message for event in seen if isinstance(event, Note)]
    assert any(message.startswith("resumed at token") for message in told)
    labels = [message.split(",")[0] for message in told if message.startswith("CHAPTER")]
    assert labels == [f"CHAPTER {number}" for number in range(before + 1, 7)]
    report = seen[-1].report  # type: ignore[union-attr]
    assert [note["title"] for note in report["notes"]] == [f"CHAPTER {number}" for number in range(1, 7)]


def test_notes_are_taken_from_a_state_and_kept_with_one(reader: str, voyage: Path, tmp_path: Path, play: Play) -> None:
    read_to(tmp_path / "voyage.freqkv", voyage, reader, cache=False, cache_size=2048)
    session = session_of(tmp_path / "voyage.freqkv", reader)
    play(lambda request: "It rained on them.")
    notes = taken(session)
    assert [note.title for note in notes] == [f"CHAPTER {number}" for number in range(1, 7)]
    assert all(note.written for note in notes)
    save_state(session, tmp_path / "noted.freqkv")
    played = play(lambda request: "Anew.")
    assert taken(session_of(tmp_path / "noted.freqkv", reader)) == notes
    assert played.requests == []


def test_of_a_log_the_lines_that_came_once_are_read_again() -> None:
    lines = [f"10:{minute:02} INFO temp of house {minute % 4} is {minute} C" for minute in range(30)]
    lines[7], lines[21] = "10:07 ERROR pump P2: no flow", "10:21 INFO pump P2 started"
    assert singular_lines(section_of("\n".join(lines))) == "10:07 ERROR pump P2: no flow\n10:21 INFO pump P2 started"


def test_of_a_log_that_only_repeats_itself_a_line_of_every_kind_is_read_again() -> None:
    lines = [f"10:{minute:02} {'ping' if minute % 2 else 'pong'} {minute}" for minute in range(30)]
    assert singular_lines(section_of("\n".join(lines))) == "10:00 pong 0\n10:01 ping 1"


def section_of(text: str) -> Section:
    return Section([Passage(text, 0, 0, Location(unit="line", first_line=1, last_line=30))])
