"""Many questions about one reading: all are answered, in order, each as if it were asked alone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from freqkv_cli.answering.ask import ask
from freqkv_cli.answering.ask_many import ask_many
from freqkv_cli.answering.question_list import parse_questions
from freqkv_cli.config import Settings
from freqkv_cli.documents import open_documents
from freqkv_cli.errors import UsageError
from freqkv_cli.events import Answered, Asked, Done, Event, Note, Progress

VOYAGE = "The cook of the ship was called Ambrose Pell. His sister lived in Whitby.\nThe captain was Silas Crane.\n"
LINES = [
    b"What was the cook called?\n",
    b"\n",
    b'{"q": "Who was the captain?", "id": "c"}\n',
    b"cook " * 2000,
    b"Which bishop blessed the cathedral?\n",
]


@pytest.fixture
def voyage(tmp_path: Path) -> str:
    path = tmp_path / "voyage.txt"
    path.write_text(VOYAGE)
    return str(path)


def asked(voyage: str, lines: list[bytes], **settings: Any) -> Iterator[Event]:
    chosen = Settings(**{"dtype": "float32", "cache_size": 4096, **settings})
    return ask_many(open_documents([voyage]), parse_questions(lines), chosen)


def test_one_report_for_every_question_in_order(reader: str, voyage: str) -> None:
    events = list(asked(voyage, LINES, model=reader, max_tokens=6))
    reports = [event.report for event in events if isinstance(event, Answered)]
    assert [report["number"] for report in reports] == [1, 2, 3, 4, 5]
    assert [event.number for event in events if isinstance(event, Asked)] == [1, 2, 3, 4, 5]
    assert ["error" in report for report in reports] == [False, True, False, True, False]
    assert reports[1]["error"] == "the question is empty"
    assert "shorten the question" in reports[3]["error"]
    assert reports[2]["id"] == "c"
    assert "id" not in reports[0]
    assert all(isinstance(report["found"], bool) for report in reports if "error" not in report)
    assert reports[0]["passages"][0]["first_line"] == 1
    warnings = [event.message for event in events if isinstance(event, Note) and "question" in event.message]
    assert [text.partition(":")[0] for text in warnings] == ["question 2", "question 4"]
    done = events[-1]
    assert isinstance(done, Done)
    assert done.report["answers"] == reports
    assert done.report["tokens_read"] > 50


def test_each_is_answered_as_if_it_were_alone(reader: str, voyage: str) -> None:
    answers = [
        event.report for event in asked(voyage, LINES, model=reader, max_tokens=6) if isinstance(event, Answered)
    ]
    settings = Settings(model=reader, dtype="float32", max_tokens=6, cache_size=4096)
    *_, done = ask(open_documents([voyage]), "Who was the captain?", settings)
    assert isinstance(done, Done)
    assert answers[2]["text"] == done.report["text"]


def test_answers_come_before_the_next_question_is_looked_at(reader: str, voyage: str) -> None:
    given: list[int] = []

    def lines() -> Iterator[bytes]:
        for number in (1, 2):
            given.append(number)
            yield b"What was the cook called?"

    settings = Settings(model=reader, max_tokens=3, cache_size=4096)
    for event in ask_many(open_documents([voyage]), parse_questions(lines()), settings):
        if isinstance(event, Answered):
            assert given[-1] == event.report["number"]
    assert given == [1, 2]


@pytest.mark.parametrize(
    ("lines", "problem"), [([], "there are no questions"), ([b"", b"{"], "none of 2 questions could be answered")]
)
def test_no_answer_at_all_is_an_error(reader: str, voyage: str, lines: list[bytes], problem: str) -> None:
    seen: list[Event] = []
    with pytest.raises(UsageError, match=problem):
        seen.extend(event for event in asked(voyage, lines, model=reader) if isinstance(event, Answered))


def test_an_interrupt_keeps_what_there_is(reader: str, voyage: str) -> None:
    events = asked(voyage, [LINES[0], LINES[0], LINES[0]], model=reader, max_tokens=50, recall=0)
    seen: list[Event] = []
    for event in events:
        seen.append(event)
        halfway = isinstance(event, Progress) and event.phase == "answering" and event.tokens_done >= 3
        if halfway and any(isinstance(one, Answered) for one in seen):
            seen.append(events.throw(KeyboardInterrupt()))  # type: ignore[attr-defined]
    reports = [event.report for event in seen if isinstance(event, Answered)]
    assert [report["finish_reason"] for report in reports] == [reports[0]["finish_reason"], "interrupted"]
    done = seen[-1]
    assert isinstance(done, Done)
    assert done.report["finish_reason"] == "interrupted"
