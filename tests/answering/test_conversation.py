"""Turns that follow each other: remembered within bounds, and never at the cost of what was read."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from freqkv_cli.answering import answer as answers
from freqkv_cli.answering import conversation as conversations
from freqkv_cli.answering import shown_passages
from freqkv_cli.answering.answer import answer_question
from freqkv_cli.answering.conversation import LONGEST_ANSWER, TOLD, Conversation
from freqkv_cli.answering.shown_passages import Evidence
from freqkv_cli.config import Settings
from freqkv_cli.documents import open_documents
from freqkv_cli.errors import UsageError
from freqkv_cli.events import Progress
from freqkv_cli.reading.open_session import open_session
from freqkv_cli.reading.session import Session
from tests.reading.playing import Played, ended, install, searched

VOYAGE = (
    "The cook of the ship was called Ambrose Pell. He was born in Whitby.\n"
    "The captain was called Silas Crane. He was born in Hull.\n"
)


def read(path: Path, **settings: Any) -> Session:
    session = ended(open_session(Settings(dtype="float32", **{"max_tokens": 6, **settings})))
    ended(session.read(open_documents([str(path)])))
    return session


@pytest.fixture
def voyage(tmp_path: Path) -> Path:
    path = tmp_path / "voyage.txt"
    path.write_text(VOYAGE)
    return path


def bits(session: Session) -> list[Tensor]:
    return [tensor.clone() for layer in session.cache.layers for tensor in (layer.keys, layer.values)]


@pytest.mark.parametrize("recall", [0, 8])
def test_turns_leave_what_was_read_as_it_was(reader: str, voyage: Path, recall: int) -> None:
    session = read(voyage, model=reader, cache_size=2048, recall=recall)
    before, length, seen = bits(session), session.cache.length, session.cache.tokens_seen
    alone = ended(answer_question(session, "Which line is long?")).text
    conversation = Conversation(session)
    for number in range(3):
        ended(conversation.ask(f"Which line is {number}?"))
    assert (session.cache.length, session.cache.tokens_seen) == (length, seen)
    assert all(torch.equal(old, new) for old, new in zip(before, bits(session), strict=True))
    assert ended(answer_question(session, "Which line is long?")).text == alone


def test_the_last_turns_are_told_and_looked_up(reader: str, voyage: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    played = install(Played(lambda request: f"Answer {len(played.requests)} of Pell."), monkeypatch)
    conversation = Conversation(searched([voyage], reader))
    questions = [f"Question {number}?" for number in range(1, 5)]
    for question in questions:
        ended(conversation.ask(question))
    assert [turn.question for turn in conversation.turns] == questions
    for number, request in enumerate(played.requests):
        told = [question for question in questions if question in request]
        assert told == questions[max(0, number - TOLD) : number + 1]
    assert "Answer 3 of Pell." in played.requests[3]
    assert conversation.tokens == sum(
        conversation.session.count_tokens(f"{turn.question}{turn.answer}") for turn in conversation.turns[-TOLD:]
    )
    conversation.reset()
    ended(conversation.ask("Question 9?"))
    assert "Question 4?" not in played.requests[-1]
    assert [turn.question for turn in conversation.turns] == ["Question 9?"]


def test_a_follow_up_is_looked_up_with_what_it_leans_on(
    reader: str, voyage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(Played(lambda request: "Ambrose Pell is the cook."), monkeypatch)
    looked_up: list[list[str]] = []

    def gather(session: Session, queries: Sequence[str], room: int) -> Evidence:
        looked_up.append(list(queries))
        return shown_passages.gather(session, queries, room)

    monkeypatch.setattr(answers, "gather", gather)
    conversation = Conversation(searched([voyage], reader))
    ended(conversation.ask("Who cooks?"))
    ended(conversation.ask("Where was he born?"))
    ended(conversation.ask("And the captain?"))
    assert [queries[0] for queries in looked_up] == ["Who cooks?", "Where was he born?", "And the captain?"]
    assert [len(queries) for queries in looked_up] == [1, 2, 2]
    assert all(part in looked_up[1][1] for part in ("Who cooks?", "Ambrose Pell", "Where was he born?"))
    assert "Where was he born?" in looked_up[2][1]
    assert "Who cooks?" not in looked_up[2][1]


def test_the_oldest_turns_are_forgotten(reader: str, voyage: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversations, "REMEMBERED", 3)
    install(Played(lambda request: "Pell. " * 200), monkeypatch)
    conversation = Conversation(searched([voyage], reader))
    for number in range(5):
        ended(conversation.ask(f"Question {number}?"))
    assert [turn.question for turn in conversation.turns] == [f"Question {number}?" for number in (2, 3, 4)]
    assert conversation.forgotten == 2
    assert all(len(turn.answer) <= LONGEST_ANSWER for turn in conversation.turns)


def test_what_was_not_found_is_not_leaned_on(reader: str, voyage: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(Played(lambda request: "The bishop.", affirmed=-9.0), monkeypatch)
    conversation = Conversation(searched([voyage], reader))
    reply = ended(conversation.ask("Which bishop?"))
    assert not reply.found
    assert conversation.reply is reply
    assert conversation.turns == []


def test_an_interrupted_answer_ends_and_the_next_one_comes(reader: str, voyage: Path) -> None:
    conversation = Conversation(read(voyage, model=reader, cache_size=1024, max_tokens=50, recall=0))
    events = conversation.ask("What was the cook called?")
    for event in events:
        if isinstance(event, Progress) and event.phase == "answering" and event.tokens_done >= 3:
            with suppress(StopIteration):
                events.throw(KeyboardInterrupt())
            break
    ended(events)
    assert conversation.reply is not None
    assert conversation.reply.answer.finish_reason == "interrupted"
    assert 3 <= conversation.reply.answer.tokens < 50
    assert ended(conversation.ask("And the captain?")).answer.finish_reason != "interrupted"


def test_a_question_that_does_not_fit_is_refused_and_forgotten(reader: str, voyage: Path) -> None:
    conversation = Conversation(searched([voyage], reader, max_tokens=3))
    with pytest.raises(UsageError, match="shorten the question"):
        ended(conversation.ask("cook " * 1000))
    assert conversation.turns == []
    assert ended(conversation.ask("What was the cook called?")).text
