"""Measuring answers: with a tiny random model that reads foxes, and with answers that are played."""

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from freqkv_cli.answering.answer import Turn
from freqkv_cli.answering.conversation import Conversation
from freqkv_cli.answering.reply import Reply
from freqkv_cli.config import Settings
from freqkv_cli.errors import UsageError
from freqkv_cli.evaluation import answers
from freqkv_cli.evaluation.answers import choose_methods, evaluate_answers, grade, matches, passage_found
from freqkv_cli.evaluation.methods import METHODS
from freqkv_cli.evaluation.question_file import Examination, ExamQuestion
from freqkv_cli.events import Done, Event, Note, Text
from freqkv_cli.location import Location
from freqkv_cli.reading.session import Session
from freqkv_cli.reading.writing import Answer
from freqkv_cli.retrieval.passage import Passage
from tests.tiny_folder import save_tiny_model

TEXT = "".join(f"Line {number}: the fox number {number} sleeps.\n" for number in range(1, 181))
QUESTIONS = (
    ExamQuestion("Where does fox 7 sleep?", ".", "foxes.txt", "fact", "tuned", "number 7 "),
    ExamQuestion("And who sings?", None, "foxes.txt", "absent", "held_back", follows="Where does fox 7 sleep?"),
)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = save_tiny_model(tmp_path_factory.mktemp("model"), window=8192)
    return Settings(
        model=folder, dtype="float32", device="cpu", cache_size=4096, max_tokens=6, offline=True, cache=False
    )


@pytest.fixture
def foxes(tmp_path: Path) -> Examination:
    path = tmp_path / "foxes.txt"
    path.write_text(TEXT, encoding="utf-8")
    return Examination(path, QUESTIONS, "fable")


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Plays the answers of all methods; holds each question with those before it in its conversation."""
    asked: list[tuple[str, ...]] = []

    def play(method: str, session: Session, question: str, conversation: Conversation) -> Generator[Event, None, Reply]:
        before = [turn.question for turn in conversation.turns]
        asked.append((*before, question))
        passage = Passage("the fox\nnumber 7 sleeps", 0, 0, Location())
        reply = Reply(Answer("In its den.", seconds=2.0), passages=[passage], found=question != "And who sings?")
        conversation.turns.append(Turn(question, reply.answer.text))
        yield Text("not to be shown")
        return reply

    monkeypatch.setattr(answers, "put", play)
    return asked


def run(*arguments: Any, **options: Any) -> tuple[list[Event], dict[str, Any]]:
    events = list(evaluate_answers(*arguments, **options))
    assert isinstance(events[-1], Done)
    return events, events[-1].report


def test_all_methods_answer_all_questions(settings: Settings, foxes: Examination, tmp_path: Path) -> None:
    events, report = run([foxes], settings, tuple(METHODS), tmp_path / "rows.jsonl")
    rows = report["answers"]
    assert [(row["method"], row["question"]) for row in rows] == [
        (method, question.text) for method in METHODS for question in QUESTIONS
    ]
    assert [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text("utf-8").splitlines()] == rows
    assert [row["error"] for row in rows if row["error"]] == []
    assert all(row["seconds"] > 0 and row["document_kind"] == "fable" for row in rows)
    by_method = {row["method"]: row for row in rows if row["follows"] is None}
    assert all(bool(by_method[method]["passages"]) == (method not in ("memory", "window")) for method in METHODS)
    assert by_method["memory"]["answer"] != by_method["window"]["answer"]
    assert [by_method[method]["found"] is None for method in METHODS] == [False, True, True, False, True, True]
    (table,) = (event.delta for event in events if isinstance(event, Text))
    assert "| ask: kind of question |" in table
    assert report["tokens_read"] == 2 * len(TEXT)  # for the policy at hand and for the window


def test_a_document_is_read_once_for_all_that_need_it(
    settings: Settings, foxes: Examination, played: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    for name in ("read", "skim"):
        whole = getattr(Session, name)

        def counted(self: Session, *arguments: Any, whole: Any = whole, name: str = name, **options: Any) -> Any:
            done.append(f"{name} {self.settings.policy}")
            return whole(self, *arguments, **options)

        monkeypatch.setattr(Session, name, counted)
    run([foxes], settings, tuple(METHODS))
    assert done == ["read landmarks", "read window", "skim landmarks"]


def test_answers_are_counted_by_kind(settings: Settings, foxes: Examination, played: list[tuple[str, ...]]) -> None:
    _, report = run([foxes], settings, ("quick", "passages"))
    groups = {(row["method"], row["by"], row["name"]): row for row in report["groups"]}
    whole = groups["quick", "all", "all questions"]
    assert (whole["right"]["hits"], whole["right"]["total"]) == (1, 1)
    assert (whole["absent_told"]["hits"], whole["absent_told"]["total"]) == (1, 1)
    assert (whole["passage_found"]["hits"], whole["passage_found"]["total"]) == (1, 1)
    assert whole["seconds"] == 2.0
    assert groups["passages", "all", "all questions"]["absent_told"]["total"] == 0  # it never says so
    assert groups["quick", "kind of question", "absent"]["right"]["total"] == 0
    assert groups["quick", "split", "tuned"]["right"]["hits"] == 1
    assert ("quick", "kind of document", "fable") not in groups  # there is one kind only


def test_a_follow_up_is_asked_behind_its_first_question(
    settings: Settings, foxes: Examination, played: list[tuple[str, ...]]
) -> None:
    run([foxes], settings, ("quick",))
    first, second = (question.text for question in QUESTIONS)
    assert played == [(first,), (first,), (first, second)]


def test_a_document_that_cannot_be_read_has_wrong_answers(
    settings: Settings, foxes: Examination, played: list[tuple[str, ...]], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.4 and nothing else")
    events, report = run([Examination(broken, QUESTIONS), foxes], settings, ("quick",))
    rows = [row for row in report["answers"] if row["file"] == "broken.pdf"]
    assert [row["outcome"] for row in rows] == ["wrong", "wrong"]
    assert all(row["error"] for row in rows)
    assert any(isinstance(event, Note) and event.warning and "count as wrong" in event.message for event in events)
    (whole,) = (row for row in report["groups"] if row["by"] == "all")
    assert (whole["right"]["hits"], whole["right"]["total"], whole["absent_told"]["total"]) == (1, 2, 2)
    assert whole["unread"] == 2


def test_a_document_that_is_not_there_is_left_out_and_said(
    settings: Settings, foxes: Examination, played: list[tuple[str, ...]], tmp_path: Path
) -> None:
    missing = Examination(tmp_path / "missing.txt", QUESTIONS)
    events, report = run([missing, foxes], settings, ("quick",))
    assert report["left_out"] == {str(missing.path): 2}
    assert any(isinstance(event, Note) and event.warning and "missing.txt" in event.message for event in events)
    with pytest.raises(UsageError, match="none of the documents is there"):
        run([missing], settings, ("quick",))


def test_another_version_of_the_document_is_warned_of(
    settings: Settings, foxes: Examination, played: list[tuple[str, ...]]
) -> None:
    events, _ = run([Examination(foxes.path, QUESTIONS, sha256="ab")], settings, ("quick",))
    assert any(isinstance(event, Note) and "not the version" in event.message for event in events)


def test_an_interrupt_keeps_what_was_answered(
    settings: Settings, foxes: Examination, played: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    play = answers.put  # type: ignore[attr-defined]

    def stopped(method: str, session: Session, question: str, conversation: Conversation) -> Any:
        reply = yield from play(method, session, question, conversation)
        if len(played) == 2:
            reply.answer.finish_reason = "interrupted"
        return reply

    monkeypatch.setattr(answers, "put", stopped)
    _, report = run([foxes], settings, ("quick",))
    assert report["finish_reason"] == "interrupted"
    assert [row["question"] for row in report["answers"]] == [QUESTIONS[0].text]


def test_rows_that_cannot_be_written_are_refused(settings: Settings, foxes: Examination, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--rows .* cannot be written"):
        run([foxes], settings, ("quick",), tmp_path / "no folder" / "rows.jsonl")


@pytest.mark.parametrize(
    ("expected", "text", "found", "worth"),
    [
        ("bath", "In Bath.", True, "right"),
        ("bath", "In Bath.", None, "right"),
        ("bath", "In Bath.", False, "refused"),
        ("bath", "In London.", True, "wrong"),
        ("ann.*bob", "- Ann\n- Bob", True, "right"),
        ("^(?!yes).*guide", "Yes, guide dogs.", True, "wrong"),
        (None, "In Bath.", True, "invented"),
        (None, "The document does not say.", None, "invented"),
        (None, "In Bath.", False, "told"),
    ],
)
def test_outcomes(expected: str | None, text: str, found: bool | None, worth: str) -> None:
    assert grade(expected, text, found) == worth


def test_a_quote_does_not_make_an_answer_right() -> None:
    reply = Reply(Answer("No."), text='No.\n"It is in Bath." [page 1]')
    assert not matches("bath", reply.answer.text)


def test_the_passage_may_run_over_lines() -> None:
    question = ExamQuestion("Where?", "bath", "a.txt", "fact", passage="house in Bath")
    place = [Passage("A house\nin  Bath.", 0, 0, Location())]
    assert passage_found(question, Reply(Answer(), passages=place)) is True
    assert passage_found(question, Reply(Answer(), passages=[Passage("A hut.", 0, 0, Location())])) is False
    assert passage_found(question, Reply(Answer())) is None
    assert passage_found(ExamQuestion("Where?", "bath", "a.txt", "fact"), Reply(Answer(), passages=place)) is None


def test_methods_come_in_their_order_and_unknown_ones_are_refused() -> None:
    assert choose_methods(["window", "ask"]) == ("ask", "window")
    with pytest.raises(UsageError, match="no method 'magic'; choose from ask, memory"):
        choose_methods(["ask", "magic"])
