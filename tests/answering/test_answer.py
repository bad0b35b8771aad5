"""Answers: in the model's words, with what they rest on, or the word that the document does not say."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from freqkv_cli.answering.answer import Turn, answer_question
from freqkv_cli.answering.ask import ask
from freqkv_cli.answering.reply import Reply, reply_report
from freqkv_cli.config import Settings
from freqkv_cli.documents import open_documents
from freqkv_cli.errors import UsageError
from freqkv_cli.events import Done, Event, Note, Progress, Text
from freqkv_cli.prompts import LABELS
from freqkv_cli.reading.session import Session
from freqkv_cli.terminal.summary import summary_line
from tests.reading.playing import Played, ended, install, searched
from tests.reading.readings import followed, read_to

FILLER = "".join(f"Nothing happened on day {number} of the long voyage.\n" for number in range(60))
FACT = "The cook of the ship was called Ambrose Pell."
QUESTION = "What was the cook called?"
Play = Callable[..., Played]


@pytest.fixture(scope="module")
def voyage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("texts") / "voyage.txt"
    path.write_text(f"{FILLER}\n{FACT}\n")
    return path


@pytest.fixture(scope="module")
def session(reader: str, voyage: Path) -> Session:
    return searched([voyage], reader)


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Play:
    """Lets the model write this."""
    return lambda text, **how: install(Played(lambda request: text, **how), monkeypatch)


def with_settings(session: Session, **settings: Any) -> Session:
    return replace(
        session.apart(), settings=Settings(**{"model": session.settings.model, "cache_size": 4096, **settings})
    )


def told(session: Session, question: str = QUESTION, **settings: Any) -> tuple[Reply, list[Event]]:
    seen: list[Event] = []
    reply = ended(answer_question(with_settings(session, **settings), question), seen)
    assert "".join(event.delta for event in seen if isinstance(event, Text)) == reply.text
    return reply, seen


def test_an_answer_with_its_place(session: Session, play: Play) -> None:
    played = play("The cook was called Ambrose Pell.")
    reply, _ = told(session)
    assert reply.found
    assert reply.answer.text == "The cook was called Ambrose Pell."
    first, second = reply.text.split("\n")
    assert first == reply.answer.text
    assert second == f'"{FACT}" [{reply.citations[0].passage.place}]'
    assert FACT in reply.passages[0].text
    assert QUESTION in played.requests[0]
    assert FACT in played.consulted[0]


def test_what_the_document_does_not_say_is_told_with_what_is_nearest(session: Session, play: Play) -> None:
    play("The bishop was called Ambrose Pell.", affirmed=-5.0)
    reply, _ = told(session, "Which bishop blessed the cathedral?")
    assert not reply.found
    first, *rest = reply.text.split("\n")
    assert first == LABELS["en"].not_said
    withheld, other = reply.citations[0], reply.passages[0]
    assert rest.pop(0) == "(a guess: The bishop was called Ambrose Pell.)"
    assert rest[0] == f'(nearest: "{withheld.quote}" [{withheld.passage.place}])'
    assert withheld.passage != other
    assert rest[1].startswith('(nearest: "')
    assert rest[1].endswith(f'" [{other.place}])')
    assert len(rest) == 2


def test_a_withheld_answer_from_the_nearest_passage_is_quoted_once(session: Session, play: Play) -> None:
    play("The cook was called Ambrose Pell.", affirmed=-5.0)
    reply, _ = told(session)
    quotes = reply.text.split("\n")[2:]
    assert quotes[0] == f'(nearest: "{FACT}" [{reply.passages[0].place}])'
    assert len(set(quotes)) == 2


@pytest.mark.parametrize(
    ("written", "answers", "strict"),
    [
        ("The bishop was called Ambrose Pell.", -5.0, False),  # no answer to the question
        ("The bishop was called Zorblax.", 5.0, False),  # made up
        ("The bishop was called Ambrose Pell.", 5.0, True),
    ],
)
def test_no_guess_is_told_of_what_is_no_answer_or_made_up_or_withheld(
    session: Session, play: Play, written: str, answers: float, strict: bool
) -> None:
    play(written, affirmed=-5.0, answers=answers)
    reply, _ = told(session, "Which bishop blessed the cathedral?", strict=strict)
    assert not reply.found
    assert "guess" not in reply.text


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("Wie hie\u00df der Bischof, der die Kathedrale geweiht hat?", "de"),
        ("\u00bfC\u00f3mo se llamaba el obispo que bendijo la catedral de la ciudad?", "es"),
    ],
)
def test_it_is_told_in_the_language_of_the_question(session: Session, play: Play, question: str, language: str) -> None:
    played = play("Pell.", affirmed=-5.0)
    reply, _ = told(session, question)
    words = LABELS[language]
    first, guess, *rest = reply.text.split("\n")
    assert first == words.not_said
    assert guess == f"({words.guess}: Pell.)"
    assert all(line.startswith(f'({words.nearest}: "') for line in rest)
    assert not set(words) & set(LABELS["en"])
    assert {"de": "German", "es": "Spanish"}[language] in played.requests[0]


def test_what_no_passage_bears_out_is_marked(session: Session, play: Play) -> None:
    play("The cook was Zorblax, paid 77 crowns. He was called Ambrose Pell.")
    reply, _ = told(session)
    assert reply.text.split("\n")[0] == f"{reply.answer.text} [not found in the text: Zorblax, 77]"
    assert [citation.verdict for citation in reply.citations] == ["not found", "supported"]


def test_it_is_marked_in_the_language_of_the_question(session: Session, play: Play) -> None:
    play("Der Koch hie\u00df Ambrose Zorblax.")
    reply, _ = told(session, "Wie hie\u00df der Koch, der auf diesem Schiff gefahren ist?")
    assert reply.text.split("\n")[0] == f"{reply.answer.text} [nicht im Text gefunden: Zorblax]"


def test_strict_withholds_it(session: Session, play: Play) -> None:
    play("The cook was Zorblax, paid 77 crowns. He was called Ambrose Pell.")
    reply, _ = told(session, strict=True)
    assert reply.text.split("\n")[0] == "He was called Ambrose Pell."
    assert [citation.verdict for citation in reply.citations] == ["supported"]
    play("The cook was Zorblax.")
    reply, _ = told(session, strict=True)
    assert (reply.found, reply.text.split("\n")[0]) == (False, LABELS["en"].not_said)


def test_an_answer_without_words_says_nothing(session: Session, play: Play) -> None:
    play("")
    reply, _ = told(session)
    assert (reply.found, reply.citations, reply.text.split("\n")[0]) == (False, [], LABELS["en"].not_said)


def test_an_interrupted_answer_is_shown_as_far_as_it_came(session: Session, play: Play) -> None:
    play("The cook was called", affirmed=-5.0, finish_reason="interrupted")
    reply, _ = told(session)
    assert reply.found
    assert reply.text.startswith("The cook was called")


@pytest.mark.parametrize("doubtful", [None, 0, 1, 2])
def test_all_that_was_read_the_answer_and_the_cited_passage_must_each_tell(
    session: Session, play: Play, monkeypatch: pytest.MonkeyPatch, doubtful: int | None
) -> None:
    played = play("The cook was called Ambrose Pell.")
    asked: list[tuple[str, str]] = []

    def affirms(session: Session, on: object, request: str) -> float:
        asked.append((played.consulted[-1], request))
        return -1.0 if len(asked) - 1 == doubtful else 1.0

    monkeypatch.setattr(Session, "affirms", affirms)
    reply, _ = told(session)
    assert reply.found == (doubtful is None)
    (everything, first), (nothing, second), (passage, third) = [*asked, ("", ""), ("", "")][:3]
    assert FACT in everything
    assert "Ambrose Pell" not in first
    if doubtful != 0:
        assert nothing == ""
        assert "Ambrose Pell" in second
    if doubtful not in (0, 1):
        assert FACT in passage
        assert len(passage) < len(everything)
        assert third == first


def test_the_turns_before_are_told(session: Session, play: Play) -> None:
    played = play("In Hull.")
    earlier = [Turn("Who is Ambrose Pell?", "The cook.")]
    ended(answer_question(session.apart(), "And where was he born?", earlier))
    request = played.requests[0]
    assert request.index("Who is Ambrose Pell?") < request.index("The cook.") < request.index("where was he born?")


def test_memory_alone_is_asked_as_it_stands(session: Session, play: Play) -> None:
    played = play("Zorblax.")
    reply, _ = told(session, recall=0)
    assert (reply.text, reply.found, reply.citations, reply.passages) == ("Zorblax.", True, [], [])
    assert played.consulted == []


def test_what_is_read_again_can_be_shown(session: Session, play: Play) -> None:
    play("Pell.")
    reply, seen = told(session, show_passages=True)
    wanted = [event.message for event in seen if isinstance(event, Note) and event.wanted]
    assert wanted == [f"[{passage.place}]\n{passage.text}\n" for passage in reply.passages]


def test_passages_without_room_are_told(session: Session, play: Play) -> None:
    play("Pell.")
    reply, seen = told(session, max_tokens=1200)
    notes = [event.message for event in seen if isinstance(event, Note)]
    assert 0 < len(reply.passages) < 8
    assert any(str(len(reply.passages)) in note for note in notes)


def test_a_question_that_does_not_fit_is_refused(session: Session) -> None:
    with pytest.raises(UsageError, match="shorten the question"):
        told(session, "cook " * 1000)


def test_the_report_has_all_of_it(session: Session, play: Play) -> None:
    play("The cook was called Ambrose Pell.")
    reply, _ = told(session)
    report = json.loads(json.dumps(reply_report(session, reply)))
    assert (report["answer"], report["text"], report["found"]) == (reply.answer.text, reply.text, True)
    (citation,) = report["citations"]
    assert citation["verdict"] == "supported"
    assert citation["missing"] == []
    assert citation["quote"] == FACT
    assert citation["sentence"] == reply.answer.text
    place = reply.citations[0].passage
    assert (citation["place"], citation["last_line"]) == (place.place, place.location.last_line)
    assert [passage["text"] for passage in report["passages"]] == [passage.text for passage in reply.passages]
    assert all(passage["document"].endswith("voyage.txt") for passage in report["passages"])
    assert report["finish_reason"] == "stop"


def test_places_name_the_document_where_there_are_several(reader: str, tmp_path: Path, play: Play) -> None:
    for name, text in (("one.txt", FILLER), ("two.txt", FACT)):
        (tmp_path / name).write_text(text)
    two = searched([tmp_path / "one.txt", tmp_path / "two.txt"], reader)
    play("Ambrose Pell.")
    reply, _ = told(two)
    assert reply.text.endswith("two.txt, line 1]")


def test_a_real_model_reads_and_answers(reader: str, voyage: Path) -> None:
    settings = Settings(model=reader, max_tokens=5, cache_size=4096, cache=False)
    events = list(ask(open_documents([str(voyage)]), QUESTION, settings))
    done = events[-1]
    assert isinstance(done, Done)
    report = done.report
    assert report["text"] == "".join(event.delta for event in events if isinstance(event, Text))
    assert report["tokens_read"] == report["input"][0]["tokens"] > 2500
    assert report["tokens_searched"] is None
    assert report["question"] == QUESTION
    assert any(FACT in passage["text"] for passage in report["passages"])
    assert all(citation["verdict"] in ("quoted", "supported", "not found") for citation in report["citations"])
    assert isinstance(report["found"], bool)


def test_quick_searches_and_reads_nothing(reader: str, voyage: Path, tmp_path: Path) -> None:
    settings = Settings(model=reader, max_tokens=5, cache_size=4096, quick=True)
    events = list(ask(open_documents([str(voyage)]), QUESTION, settings))
    done = events[-1]
    assert isinstance(done, Done)
    report = done.report
    assert (report["tokens_read"], report["tokens_dropped"], report["cache"]["tokens_reused"]) == (0, 0, 0)
    assert report["tokens_searched"] == report["input"][0]["tokens"] > 2500
    assert report["input"][0]["tokens_read"] == 0
    assert any(FACT in passage["text"] for passage in report["passages"])
    assert summary_line(report).startswith(f"searched {report['tokens_searched']:,}")
    assert not any(isinstance(event, Progress) and event.slots_used for event in events if event_is_reading(event))
    read_to(tmp_path / "voyage.freqkv", voyage, reader, cache_size=4096)
    of_state = followed(ask(open_documents([str(tmp_path / "voyage.freqkv")]), QUESTION, settings)).report
    assert of_state["tokens_searched"] is None  # it has been read
    assert of_state["tokens_read"] == report["tokens_searched"]
    assert [one["text"] for one in of_state["passages"]] == [one["text"] for one in report["passages"]]


def event_is_reading(event: Event) -> bool:
    return isinstance(event, Progress) and event.phase == "reading"
