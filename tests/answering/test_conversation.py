"""Turns that follow each other: remembered within bounds, and never at the cost of what was read."""

from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest
import torch
from torch import Tensor

from freqkv_cli.answering import conversation as conversations
from freqkv_cli.answering.ask import Reply, answer_question
from freqkv_cli.answering.conversation import Conversation
from freqkv_cli.config import Settings
from freqkv_cli.documents import open_documents
from freqkv_cli.errors import UsageError
from freqkv_cli.events import Event, Progress
from freqkv_cli.reading.session import Session, open_session

Result = TypeVar("Result")
VOYAGE = (
    "The cook of the ship was called Ambrose Pell. He was born in Whitby.\n"
    "The captain was called Silas Crane. He was born in Hull.\n"
)


def ended(events: Generator[Event, None, Result]) -> Result:
    while True:
        try:
            next(events)
        except StopIteration as end:
            result: Result = end.value
            return result


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


def test_ten_turns_leave_what_was_read_as_it_was(tiny: str, book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversations, "TURNS_SHARE", 1 / 2)
    session = read(book, model=tiny)
    before, length, compressions = bits(session), session.cache.length, session.cache.compressions
    alone = ended(answer_question(session, "Which line is long?")).text
    conversation = Conversation(session)
    for number in range(10):
        ended(conversation.ask(f"Which line is {number}?"))
    assert conversation.forgotten > 0
    assert (session.cache.length, session.cache.compressions) == (length, compressions)
    assert all(torch.equal(old, new) for old, new in zip(before, bits(session), strict=True))
    assert ended(answer_question(session, "Which line is long?")).text == alone


def test_the_first_turn_is_an_ordinary_question(tiny: str, voyage: Path) -> None:
    session = read(voyage, model=tiny)
    asked = ended(answer_question(session, "What was the cook called?"))
    turn = ended(Conversation(session).ask("What was the cook called?"))
    assert (turn.text, turn.citations) == (asked.text, asked.citations)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str]]:
    """Collects how many tokens lie before each question, and what is looked up for it."""
    seen: list[tuple[int, str]] = []

    def watched(session: Session, question: str, looked_up: str) -> Generator[Event, None, Reply]:
        seen.append((session.cache.tokens_seen, looked_up))
        return (yield from answer_question(session, question, looked_up))

    monkeypatch.setattr(conversations, "answer_question", watched)
    return seen


def test_a_follow_up_is_looked_up_with_what_it_leans_on(tiny: str, voyage: Path, asked: list[tuple[int, str]]) -> None:
    session = read(voyage, model=tiny)
    for question, name in (("Who is Ambrose Pell?", "Ambrose Pell"), ("Who is Silas Crane?", "Silas Crane")):
        conversation = Conversation(session)
        ended(conversation.ask(question))
        ended(conversation.ask("And where was he born?"))
        first, second = asked[-2:]
        assert first[1] == question
        assert second[1].startswith(name)
        assert second[1].endswith(" And where was he born?")


def test_turns_lie_before_the_question(
    tiny: str, voyage: Path, asked: list[tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversations, "TURNS_SHARE", 1 / 2)
    monkeypatch.setattr(conversations, "LONGEST_ANSWER", 10)
    session = read(voyage, model=tiny)
    conversation = Conversation(session)
    for question in ("What was the cook called?", "What was the captain called?", "Who was born?"):
        ended(conversation.ask(question))
    told = [len(turn.ids) for turn in conversation.turns]
    start = session.cache.tokens_seen
    assert [tokens for tokens, _ in asked] == [start, start + told[0], start + told[0] + told[1]]
    conversation.reset()
    ended(conversation.ask("Who was born?"))
    assert asked[-1][0] == start
    assert len(conversation.turns) == 1


def test_the_oldest_turn_goes_first(tiny: str, voyage: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = read(voyage, model=tiny)
    monkeypatch.setattr(conversations, "TURNS_SHARE", 1 / 2)
    conversation = Conversation(session)
    questions = [f"Was it called {word}?" for word in ("one", "two", "three", "four", "five", "six")]
    for question in questions:
        ended(conversation.ask(question))
    kept = [turn.question for turn in conversation.turns]
    assert 0 < conversation.tokens <= conversation.limit
    assert conversation.forgotten == len(questions) - len(kept) > 0
    assert kept == questions[-len(kept) :]


def test_a_cache_that_forgets_nothing_holds_no_turns(tiny: str, voyage: Path, asked: list[tuple[int, str]]) -> None:
    conversation = Conversation(read(voyage, model=tiny, policy="full", recall=0))
    for question in ("Who is Ambrose Pell?", "And where was he born?"):
        assert ended(conversation.ask(question)).text
    assert (conversation.turns, conversation.forgotten) == ([], 2)
    assert {tokens for tokens, _ in asked} == {conversation.session.cache.tokens_seen}
    assert asked[-1][1].startswith("Ambrose Pell")  # what was asked last is known all the same


def test_an_interrupted_answer_ends_and_the_next_one_comes(tiny: str, voyage: Path) -> None:
    conversation = Conversation(read(voyage, model=tiny, max_tokens=50, recall=0))
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


def test_a_question_that_does_not_fit_is_refused_and_forgotten(tiny: str, voyage: Path) -> None:
    conversation = Conversation(read(voyage, model=tiny))
    with pytest.raises(UsageError, match="shorten it"):
        ended(conversation.ask("cook " * 500))
    assert conversation.turns == []
    assert ended(conversation.ask("What was the cook called?")).text
