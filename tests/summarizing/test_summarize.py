"""Notes and summaries: a tiny model reads, played writing; what reaches the user is what the text says."""

from collections.abc import Callable, Generator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from freqkv_cli.config import Settings
from freqkv_cli.documents import open_documents
from freqkv_cli.events import Done, Event, Note, Text
from freqkv_cli.reading.session import Answer, Session, open_session
from freqkv_cli.summarizing import notes as noting
from freqkv_cli.summarizing import summarize as summarizing
from freqkv_cli.summarizing.notes import NoteTaker
from freqkv_cli.summarizing.summarize import NOT_ABOUT, grouped, summarize, words_wanted
from tests.reading.readings import read_to

SAILORS = ("Ambrose", "Bertram", "Cuthbert", "Dunstan", "Edmund", "Fulbert")
EVENTS = (
    "The pilot Ambrose brought the grey frigate into the harbour of Tromso at dawn in spring.",
    "Doctor Bertram lost all his scales and bottles when the second wave broke over the deck.",
    "Old Cuthbert traded seven barrels of salted herring for a parrot that spoke only Portuguese.",
    "Captain Dunstan forbade every card game after two gunners had staked their winter boots.",
    "The carpenter Edmund built a raft from hatches, tar and rope while icebergs drifted near.",
    "Young Fulbert saw land first and won the golden guinea nailed to the mainmast by order.",
)
FILLER = "It rained on them. They were wet. He said so. She did not. " * 9
CHAPTERS = [
    f"CHAPTER {number}\n\n{FILLER}\n\n{event} {FILLER}\n\n"
    + ("The cook boiled cabbage for the whole crew on Sunday.\n\n" if number == 4 else "")
    for number, event in enumerate(EVENTS, 1)
]
Play = Callable[[str], str]


@pytest.fixture
def voyage(tmp_path: Path) -> Path:
    path = tmp_path / "voyage.txt"
    path.write_text("".join(CHAPTERS))
    return path


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Callable[[Play], list[str]]:
    """Lets a function write in the model's place; returns the list that its requests go to."""

    def install(write: Play) -> list[str]:
        requests: list[str] = []

        def quietly(session: Session, request: str, max_tokens: int) -> Generator[Event, None, Answer]:
            requests.append(request)
            yield from ()
            return Answer(write(request))

        monkeypatch.setattr(noting, "quietly", quietly)
        monkeypatch.setattr(summarizing, "quietly", quietly)
        monkeypatch.setattr(Session, "fits", lambda self, request: True)
        return requests

    return install


def run(path: Path, tiny: str, **settings: Any) -> tuple[str, dict[str, Any], list[Note]]:
    events = list(summarize(open_documents([str(path)]), Settings(model=tiny, **{"effort": "high", **settings})))
    done = events[-1]
    assert isinstance(done, Done)
    shown = "".join(event.delta for event in events if isinstance(event, Text))
    assert done.report["text"] == shown
    return shown, done.report, [event for event in events if isinstance(event, Note)]


def listed(request: str) -> list[str]:
    return [line.removeprefix("- ") for line in request.split("\n") if line.startswith("- ")]


def test_every_chapter_has_a_note_with_its_place(voyage: Path, tiny: str, play: Callable[[Play], list[str]]) -> None:
    play(lambda request: "")
    text, report, events = run(voyage, tiny)
    notes = report["notes"]
    lines = voyage.read_text().split("\n")
    assert [note["title"] for note in notes] == [f"CHAPTER {number}" for number in range(1, 7)]
    assert (notes[0]["start"], notes[-1]["end"]) == (0.0, 1.0)
    assert all(one["end"] == other["start"] for one, other in pairwise(notes))
    for note, event in zip(notes, EVENTS, strict=True):
        assert note["text"] == event
        assert note["quoted"]
        line = int(note["where"].removeprefix("line "))
        assert note["first_line"] <= line <= note["last_line"]
        assert event in lines[line - 1]
    assert [event for event in EVENTS if event in text] == list(EVENTS)
    wanted = [event.message for event in events if event.wanted]
    assert [message.split(":")[0] for message in wanted[:6]] == [f"{note['title']}, {note['place']}" for note in notes]
    assert "summary: 7 of 7 sentences are the document's own; notes: 6 of 6; withheld" in wanted[-1]
    assert (report["sentences"], report["quoted"], report["withheld"], report["unverified"]) == (7, 7, 0, [])
    assert report["finish_reason"] == "stop"


def test_true_words_of_the_model_are_kept_and_others_withheld(
    voyage: Path, tiny: str, play: Callable[[Play], list[str]]
) -> None:
    def write(request: str) -> str:
        true = listed(request)[0]
        return f"Sure, here is a note. {true} Gandalf brought the frigate. {true} And the"

    play(write)
    text, report, events = run(voyage, tiny)
    assert report["withheld"] == 3 * (6 + 6)  # notes and parts of the summary
    assert not any(note["quoted"] for note in report["notes"])
    assert "Gandalf" not in text
    assert "Sure" not in text
    assert text.endswith(".")
    sentences = text.replace("\n\n", " ").split(". ")
    assert len(sentences) == len(set(sentences))
    assert f"{report['withheld']} sentences of the model" in events[-1].message


def test_low_effort_writes_nothing(voyage: Path, tiny: str, play: Callable[[Play], list[str]]) -> None:
    requests = play(lambda request: "never")
    text, report, _ = run(voyage, tiny, effort="low")
    assert requests == []
    assert all(note["quoted"] for note in report["notes"])
    assert report["quoted"] == report["sentences"] > 0
    assert "The pilot Ambrose" in text


def test_notes_stop_being_written_when_they_take_longer_than_reading(
    voyage: Path, tiny: str, play: Callable[[Play], list[str]]
) -> None:
    requests = play(lambda request: "never")
    opening = open_session(Settings(model=tiny, effort="medium"))
    try:
        while True:
            next(opening)
    except StopIteration as end:
        session: Session = end.value
    taker = NoteTaker(session, seconds=1e9)
    events = list(session.read(open_documents([str(voyage)]), taker))
    assert requests == []
    assert len(taker.notes) == 6
    warnings = [event.message for event in events if isinstance(event, Note) and event.warning]
    assert len(warnings) == 1
    assert warnings[0].startswith("notes would take longer than reading: from lines 1-")
    assert session.warnings == warnings


def test_a_model_that_cannot_write_is_not_asked_for_ever(
    tmp_path: Path, tiny: str, play: Callable[[Play], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "long.txt"
    path.write_text("".join(chapter.replace("in spring", f"in spring {n}") for n in range(3) for chapter in CHAPTERS))
    monkeypatch.setattr(NoteTaker, "_in_time", lambda self, stretch: always(True))
    requests = play(lambda request: "Gandalf brought the ring.")
    _, report, events = run(path, tiny, effort="medium")
    assert len(requests) == noting.TRIAL < len(report["notes"])
    assert [event.message for event in events if event.message.startswith("0 of 6 notes of the model")]
    requests = play(lambda request: "Gandalf brought the ring.")
    _, report, _ = run(path, tiny, effort="high")
    assert len(requests) > len(report["notes"]) > noting.TRIAL


def always(answer: bool) -> Generator[Event, None, bool]:
    yield from ()
    return answer


def test_a_note_is_taken_when_its_section_has_been_read(
    voyage: Path, tiny: str, play: Callable[[Play], list[str]]
) -> None:
    play(lambda request: "")
    events = list(summarize(open_documents([str(voyage)]), Settings(model=tiny, cache_size=256)))
    read, at = 0, []
    for event in events:
        read = getattr(event, "tokens_done", read)
        if isinstance(event, Note) and event.message.startswith("CHAPTER"):
            at.append(read)
    ends = [sum(map(len, CHAPTERS[:number])) for number in range(1, 7)]
    assert all(abs(one - end) < 800 for one, end in zip(at[:-1], ends, strict=False))


def test_many_notes_are_summed_up_in_rounds(
    voyage: Path, tiny: str, play: Callable[[Play], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = play(lambda request: listed(request)[0])
    monkeypatch.setattr(Session, "fits", lambda self, request: len(listed(request)) <= 2)
    _, report, _ = run(voyage, tiny, length=30)
    parts = [listed(request) for request in requests if request.startswith("Notes on a part")]
    assert sorted(len(part) for part in parts) == [1, 1, 2, 2]
    assert sorted(note for part in parts for note in part) == sorted(note["text"] for note in report["notes"])


@pytest.mark.parametrize(("length", "sentences"), [(13, 1), (45, 3), (90, 6), ("short", 4)])
def test_the_length_is_kept(
    voyage: Path, tiny: str, play: Callable[[Play], list[str]], length: int | str, sentences: int
) -> None:
    play(lambda request: "")
    text, report, events = run(voyage, tiny, length=length)
    assert report["sentences"] == sentences
    assert not any("not more to tell" in event.message for event in events)
    assert abs(len(text.split()) - words_wanted(Settings(length=length))) <= 8


def test_a_short_document_is_not_stretched(voyage: Path, tiny: str, play: Callable[[Play], list[str]]) -> None:
    play(lambda request: "")
    text, _, events = run(voyage, tiny, length=1000)
    assert f"there was not more to tell: {len(text.split())} of 1000 words" in [event.message for event in events]


def test_notes_do_not_repeat_each_other(tmp_path: Path, tiny: str, play: Callable[[Play], list[str]]) -> None:
    path = tmp_path / "refrain.txt"
    path.write_text("".join(f"{chapter}{EVENTS[0]}\n\n" for chapter in CHAPTERS))
    play(lambda request: listed(request)[0])
    _, report, _ = run(path, tiny)
    assert [note["text"] for note in report["notes"]] == list(EVENTS)


def test_formats(voyage: Path, tiny: str, play: Callable[[Play], list[str]]) -> None:
    play(lambda request: "")
    bullets, _, _ = run(voyage, tiny, format="bullets")
    assert all(line.startswith("- ") and line.endswith("]") for line in bullets.strip().split("\n"))
    markdown, _, _ = run(voyage, tiny, format="markdown", notes=True)
    assert "## CHAPTER 1\n\n- The pilot Ambrose" in markdown
    outline = markdown.split("## Notes\n\n")[1].strip().split("\n")
    assert [line.split(",")[0] for line in outline] == [f"- **CHAPTER {number}" for number in range(1, 7)]
    text, report, _ = run(voyage, tiny, notes=True)
    assert text.split("\n\nNotes\n\n")[1].count("\n") == len(report["notes"])


def test_the_topic_chooses_sections_and_sentences(voyage: Path, tiny: str, play: Callable[[Play], list[str]]) -> None:
    play(lambda request: "")
    text, report, _ = run(voyage, tiny, focus="cabbage")
    assert [note["title"] for note in report["notes"]] == ["CHAPTER 4"]
    assert "boiled cabbage" in report["notes"][0]["text"]
    assert "boiled cabbage" in text
    text, report, _ = run(voyage, tiny, focus="electricity")
    assert text == NOT_ABOUT.format(topic="electricity")
    assert report["not_found"]


def test_a_prompt_of_ones_own(voyage: Path, tiny: str, play: Callable[[Play], list[str]]) -> None:
    answers = {True: "Ambrose and Bertram were pilots. Gandalf was not. List them all.", False: ""}
    requests = play(lambda request: answers[request.endswith("List all of them. Write in French.")])
    text, report, _ = run(voyage, tiny, prompt="List all of them.", language="French")
    assert text == "Ambrose and Bertram were pilots."
    assert report["withheld"] == 2
    assert len(listed(requests[-1])) == 6
    play(lambda request: "Gandalf was there.")
    text, report, _ = run(voyage, tiny, prompt="List all of them.")
    assert "The pilot Ambrose" in text
    assert any("nothing of what the model wrote for --prompt" in warning for warning in report["warnings"])


def test_other_languages_are_checked_for_names(voyage: Path, tiny: str, play: Callable[[Play], list[str]]) -> None:
    german = {
        "Ambrose": "Der Lotse Ambrose brachte die Fregatte.",
        "Bertram": "Alle Flaschen verlor Bertram in den Wellen.",
        "Cuthbert": "Den Papagei kaufte Cuthbert f\u00fcr 9 F\u00e4sser.",
    }

    def write(request: str) -> str:
        assert request.endswith("Write in German.")
        return next((text for name, text in german.items() if name in listed(request)[0]), "")

    play(write)
    text, report, events = run(voyage, tiny, language="German")
    assert german["Ambrose"] in text
    assert [note["text"] for note in report["notes"]] == [*list(german.values())[:2], *EVENTS[2:]]  # it was 7 barrels
    assert any("written in German is checked for names and numbers alone" in event.message for event in events)


def test_an_interrupted_summary_keeps_what_there_was(
    voyage: Path, tiny: str, play: Callable[[Play], list[str]]
) -> None:
    def write(request: str) -> str:
        if "Cuthbert" in request and request.startswith("Notes"):
            raise KeyboardInterrupt
        return ""

    play(write)
    text, report, _ = run(voyage, tiny)
    assert report["finish_reason"] == "interrupted"
    assert "Bertram" in text
    assert "Cuthbert" not in text
    assert len(report["notes"]) == 6


def test_a_document_without_a_word_to_quote(tmp_path: Path, tiny: str, play: Callable[[Play], list[str]]) -> None:
    path = tmp_path / "figures.txt"
    path.write_text("1 2 3 4\n" * 100)
    play(lambda request: "")
    text, report, _ = run(path, tiny)
    assert text == ""
    assert report["warnings"] == ["no words to quote, so no note: lines 1-100"]


def test_a_state_gives_the_summary_that_its_document_gives(
    voyage: Path, tmp_path: Path, tiny: str, play: Callable[[Play], list[str]]
) -> None:
    play(lambda request: "")
    state = tmp_path / "voyage.freqkv"
    read_to(state, voyage, tiny)
    text, report, _ = run(voyage, tiny, cache=False, notes=True)
    again, of_state, _ = run(state, tiny, notes=True)
    kept, of_cache, _ = run(voyage, tiny, notes=True)
    assert again == kept == text
    assert (report["cache"]["hit"], of_state["cache"]["hit"], of_cache["cache"]["hit"]) == (False, True, True)
    assert [(note["place"], note["where"]) for note in of_state["notes"]] == [
        (note["place"], note["where"]) for note in report["notes"]
    ]


def test_the_model_writes_for_real(voyage: Path, tiny: str) -> None:
    text, report, _ = run(voyage, tiny, effort="medium", max_tokens=5)
    assert "The pilot Ambrose" in text
    assert report["tokens_dropped"] == 0
    assert report["timing"]["notes_s"] > 0


def test_runs_of_notes_are_of_about_equal_length() -> None:
    class Played:
        def __init__(self, words: int) -> None:
            section = type("Section", (), {"words": words})
            self.stretch = type("Stretch", (), {"section": section})

    def sizes(words: list[int], parts: int) -> list[int]:
        return [len(group) for group in grouped([Played(one) for one in words], parts)]  # type: ignore[misc]

    assert sizes([10] * 6, 3) == [2, 2, 2]
    assert sizes([10] * 7, 2) == [4, 3] or sizes([10] * 7, 2) == [3, 4]
    assert sizes([100, 10, 10, 10], 2) == [1, 3]
    assert sizes([10, 10, 10, 100], 2) == [3, 1]
    assert sizes([10, 10], 5) == [1, 1]
    assert sizes([], 3) == []
