"""The summary: from notes, level by level; repetitions dropped, names looked up, places given."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from freqkv_cli.config import Settings
from freqkv_cli.events import Event, Progress
from freqkv_cli.reading.session import Session
from freqkv_cli.summarizing.extract import spread
from freqkv_cli.summarizing.layout import notes_text, summary_text, without_notes
from freqkv_cli.summarizing.notes import SectionNote
from freqkv_cli.summarizing.summary import GROUP, Summary, merged, repeats, words_wanted, write_summary
from tests.reading.conftest import reader  # noqa: F401
from tests.reading.playing import Played, ended, searched
from tests.summarizing.conftest import EVENTS

Play = Callable[[Callable[[str], str]], Played]


def with_settings(session: Session, **settings: Any) -> Session:
    return replace(session, settings=Settings(**{"model": session.settings.model, "cache_size": 4096, **settings}))


def note(number: int, text: str) -> SectionNote:
    return SectionNote(f"CHAPTER {number}", "voyage.txt", f"lines {number}-{number + 1}", text, True, number, number)


NOTES = [note(number, event) for number, event in enumerate(EVENTS)]


def written(session: Session, notes: Sequence[SectionNote] = NOTES[:2], **settings: Any) -> Summary:
    return ended(write_summary(with_settings(session, **settings), notes))


def test_sentences_have_their_places(session: Session, play: Play) -> None:
    played = play(lambda request: " ".join(EVENTS[:3]))
    summary = written(session)
    assert [one.sentence for one in summary.sentences] == list(EVENTS[:3])
    assert [one.passage.heading for one in summary.sentences] == ["CHAPTER 1", "CHAPTER 2", "CHAPTER 3"]
    assert {one.verdict for one in summary.sentences} == {"quoted"}
    assert (summary.written, summary.dropped, summary.missing) == (3, 0, [])
    assert all(event in played.consulted[-1] for event in EVENTS[:2])


def test_of_many_notes_the_summary_is_what_the_document_is_and_what_they_say(session: Session, play: Play) -> None:
    played = play(lambda request: "This is the log of a voyage to Tromso.")
    summary = written(session, NOTES)
    (request,) = played.requests
    assert "what kind of document" in request
    assert [one.sentence for one in summary.sentences] == ["This is the log of a voyage to Tromso.", *EVENTS]
    assert (summary.written, summary.missing) == (7, [])
    assert "Beginning of the document" in played.consulted[-1]


def test_what_a_file_is_called_is_no_invention(session: Session, play: Play) -> None:
    play(lambda request: "It is the file VOYAGE, or Zorblax, of a voyage to Tromso.")
    assert written(session, NOTES).missing == ["Zorblax"]


def test_an_interrupt_while_notes_are_merged_stops_the_summary(session: Session, play: Play) -> None:
    played = play(lambda request: EVENTS[0])
    played.finish_reason = "interrupted"
    with pytest.raises(KeyboardInterrupt):
        ended(merged(session, NOTES, 5))
    assert len(played.requests) == 1


def test_of_many_notes_an_interrupted_opening_is_told(session: Session, play: Play) -> None:
    play(lambda request: EVENTS[0]).finish_reason = "interrupted"
    summary = written(session, NOTES)
    assert summary.answer.finish_reason == "interrupted"
    assert [one.sentence for one in summary.sentences] == list(EVENTS)


def test_a_short_summary_of_many_notes_has_sentences_of_all_parts(session: Session, play: Play) -> None:
    opening = "This is the log of a voyage to Tromso."
    played = play(lambda request: opening)
    summary = written(session, NOTES, length=50)
    first, *others = [one.sentence for one in summary.sentences]
    assert first == opening
    assert 1 < len(others) < len(NOTES)
    places = [EVENTS.index(sentence) for sentence in others]
    assert places == sorted(places)
    assert places[0] < len(EVENTS) / 2 < places[-1] + 1
    assert len(played.requests) == 1


def test_of_each_part_the_sentence_that_is_most_like_all_is_told() -> None:
    ship = [f"The ship sailed on through heavy rain on day {day}." for day in range(12)]
    ship[2] = ship[10] = "My aunt bakes cakes."
    told = spread(ship, 40)
    assert len(told) == 4
    assert [ship.index(one) * 4 // 12 for one in told] == [0, 1, 2, 3]
    assert "My aunt bakes cakes." not in told
    assert spread(ship, 1000) == ship


def test_what_is_in_a_table_has_been_counted(reader: str, tmp_path: Path, play: Play) -> None:  # noqa: F811
    path = tmp_path / "race.csv"
    rows = [f"{rank},{'red' if rank % 3 else 'blue'}" for rank in range(1, 101)]
    path.write_text("\n".join(["rank,club", *rows]))
    play(lambda request: "This is a table of a race. Nobody knows who won.")
    summary = written(searched([path], reader), NOTES)
    counted = ["Counted: 100 rows.", "rank: 1 to 100.", "club: red (67), blue (33)."]
    assert [one.sentence for one in summary.sentences] == ["This is a table of a race.", *counted]
    assert summary.written == 1


def test_repetitions_are_dropped(session: Session, play: Play) -> None:
    play(lambda request: f"{EVENTS[0]} {EVENTS[1]} The pilot Ambrose brought the grey frigate into the harbour.")
    summary = written(session)
    assert [one.sentence for one in summary.sentences] == list(EVENTS[:2])
    assert summary.dropped == 1


def test_a_name_of_nowhere_is_marked_after_a_second_try(session: Session, play: Play) -> None:
    played = play(lambda request: f"{EVENTS[0]} They met Gandalf in 1977.")
    summary = written(session)
    assert summary.missing == ["Gandalf", "1977"]
    assert len(played.requests) == 2
    assert "Gandalf" in played.requests[1]
    assert [one.verdict for one in summary.sentences] == ["quoted", "not found"]
    assert "They met Gandalf in 1977. [not found in the text: Gandalf, 1977]" in summary_text(session, summary)


def test_a_second_try_without_it_is_taken(session: Session, play: Play) -> None:
    drafts = iter([f"{EVENTS[0]} They met Gandalf.", EVENTS[1]])
    play(lambda request: next(drafts))
    summary = written(session)
    assert ([one.sentence for one in summary.sentences], summary.missing) == ([EVENTS[1]], [])


def test_lists_and_headings_of_the_model_become_sentences(session: Session, play: Play) -> None:
    play(lambda request: f"# Summary of it.\n\n- **{EVENTS[0]}**\n2. {EVENTS[1]}\n")
    assert [one.sentence for one in written(session).sentences][-2:] == list(EVENTS[:2])


def test_a_sentence_that_was_cut_off_is_left_out(session: Session, play: Play) -> None:
    play(lambda request: f"{EVENTS[0]} And then the").finish_reason = "length"
    assert [one.sentence for one in written(session).sentences] == [EVENTS[0]]


def test_many_notes_are_merged_level_by_level_in_order(session: Session, play: Play) -> None:
    notes = [note(number, f"Note {number:03} tells {'of the rain ' * 20}.") for number in range(100)]

    def write(request: str) -> str:
        (numbers,) = [[line[7:10] for line in played.consulted[-1].split("\n") if line.startswith("- Note")]]
        return f"Note {numbers[0]} {'of wind ' * 10}."

    played = play(write)
    seen: list[Event] = []
    told = ended(merged(session, notes, 2500), seen)
    levels = [100, 17]
    assert [len(text.split("\n")) for text in played.consulted[:17]] == [GROUP] * 16 + [4]
    assert len(told) == levels[1]
    assert [text[:8] for text in told] == sorted(text[:8] for text in told)
    assert told[0].startswith("Note 000")
    assert all(isinstance(event, Progress) for event in seen)
    every = "\n".join(played.consulted[:17])
    assert all(f"Note {number:03}" in every for number in range(100))


def test_notes_that_fit_are_not_merged(session: Session, play: Play) -> None:
    played = play(lambda request: "never")
    assert ended(merged(session, NOTES, 1000)) == list(EVENTS)
    assert played.requests == []


def test_what_the_user_asks_for_is_passed_on(session: Session, play: Play) -> None:
    played = play(lambda request: EVENTS[0])
    written(session, length=77, focus="parrots", language="French")
    written(session, prompt="List the ships.", focus="parrots")
    first, second = played.requests
    assert all(word in first for word in ("77", "parrots", "French"))
    assert second.startswith("List the ships.")
    assert "parrots" in second


@pytest.mark.parametrize(("length", "words"), [("short", 60), ("medium", 150), ("long", 400), (13, 13)])
def test_lengths(session: Session, play: Play, length: str | int, words: int) -> None:
    played = play(lambda request: EVENTS[0])
    written(session, length=length)
    assert words_wanted(with_settings(session, length=length)) == words
    assert f" {words} words" in played.requests[0]


def test_without_a_writer_there_is_an_extract_from_all_over_the_text(session: Session, voyage: Any) -> None:
    text = " ".join(voyage.read_text().split())
    sizes = []
    for length in ("short", "long"):
        summary = written(session, length=length)
        assert summary.written == 0
        assert all(one.sentence == one.quote in text for one in summary.sentences)
        sentences = [one.sentence for one in summary.sentences]
        assert not any(repeats(one, other, "en") for n, one in enumerate(sentences) for other in sentences[:n])
        places = [one.passage.index for one in summary.sentences]
        assert places == sorted(places)
        sizes.append(len(sentences))
    assert 1 <= sizes[0] <= sizes[1]


@pytest.mark.parametrize(
    ("sentence", "earlier", "expected"),
    [
        ("The whale swam.", "The whales were swimming; the whale swam away.", True),
        ("The whale swam.", "A parrot spoke Portuguese.", False),
        ("", "A parrot.", False),
    ],
)
def test_what_only_repeats(sentence: str, earlier: str, expected: bool) -> None:
    assert repeats(sentence, earlier, "en") is expected


def test_layouts(session: Session, play: Play) -> None:
    play(lambda request: " ".join(EVENTS[:2]))
    summary = written(session)
    places = [one.passage.place for one in summary.sentences]
    assert summary_text(session, summary) == f"{EVENTS[0]} [{places[0]}] {EVENTS[1]} [{places[1]}]"
    listed = f"- {EVENTS[0]} [{places[0]}]\n- {EVENTS[1]} [{places[1]}]"
    assert summary_text(with_settings(session, format="bullets"), summary) == listed
    summary.sentences[1] = summary.sentences[0]
    assert summary_text(session, summary).count(places[0]) == 1  # a place is told once


def test_the_outline_stands_below_and_can_be_taken_off() -> None:
    for format in ("text", "markdown", "bullets"):
        outline = notes_text(NOTES, format, several=False)
        assert outline.count("\n- ") == len(NOTES)
        assert all(one.text in outline and one.label in outline for one in NOTES)
        assert without_notes(f"A summary.{outline}") == "A summary."
    assert "voyage.txt" in notes_text(NOTES, "text", several=True)
    assert without_notes("A summary.\nNotes were taken.") == "A summary.\nNotes were taken."
