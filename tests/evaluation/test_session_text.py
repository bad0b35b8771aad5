"""Contexts and turns as tokens, with a tokenizer of bytes."""

from collections.abc import Iterator
from itertools import count

import pytest

from freqkv_cli.evaluation.session_items import KINDS, SessionTurn
from freqkv_cli.evaluation.session_text import SharedSession, asking, make_session, middle_cut
from tests.evaluation.byte_tokens import Bytes


def filler() -> Iterator[str]:
    return (f"On day {number} they met nobody." for number in count())


def session(kind: str, tokens: int = 6000, turns: int = 3, text: Iterator[str] | None = None) -> SharedSession | None:
    return make_session(kind, filler() if text is None else text, Bytes(), tokens, turns, "1")


@pytest.mark.parametrize("kind", KINDS)
def test_a_context_is_as_long_as_asked_for(kind: str) -> None:
    made = session(kind)
    assert made is not None
    assert 5900 < len(made.context) <= 6000
    assert len(made.turns) == 3
    assert made == session(kind)
    longest = max(turn.tokens for turn in made.turns)
    assert made.tokens == len(made.context) + sum(len(made.said(turn)) for turn in made.turns) + longest + 1


def test_facts_are_spread_and_the_text_keeps_its_order() -> None:
    made = session("string")
    assert made is not None
    text = bytes(made.context).decode()
    places = [place / 6000 for place in range(len(text)) if text.startswith("The string of", place)]
    assert len(places) == 8
    assert max(places) - min(places) > 0.5
    days = [int(part.split()[0]) for part in text.split("On day ")[1:]]
    assert days == list(range(len(days)))
    for turn in made.turns:
        assert bytes([*turn.cue, *turn.answers[0], *made.end]).decode().partition("\nAnswer: ")[2] in text


def test_sections_are_as_long_as_each_other() -> None:
    made = session("summary")
    assert made is not None
    sections = bytes(made.context).decode().split(" Section ")[1:]
    assert [int(section.split()[0]) for section in sections] == list(range(1, 10))
    assert max(map(len, sections)) - min(map(len, sections)) < 100


def test_what_is_said_is_the_question_with_its_right_answer() -> None:
    made = session("common")
    assert made is not None
    said = bytes(made.said(made.turns[0])).decode()
    assert said.startswith("\n\nQuestion: What did ")
    assert said.endswith(bytes(made.turns[0].answers[0]).decode() + ".")


def test_a_short_text_makes_a_short_context() -> None:
    made = session("string", text=iter(["One sentence.", "Another one."]))
    assert made is not None
    assert len(made.context) < 500
    assert bytes(made.context).decode().count("The string of") == 8


def test_no_session_where_facts_have_no_room() -> None:
    assert session("string", tokens=100) is None
    assert session("kv", tokens=100) is None


def test_answers_are_cut_and_doubles_left_out() -> None:
    turn = SessionTurn("kv", "q", " right", (" rigid", " wrong", " wrongly", " no"))
    whole = [b" right", b" rigid", b" wrong", b" wrongly", b" no"]
    assert asking(turn, Bytes()).answers == list(map(list, whole))
    assert asking(turn, Bytes(), 4).answers == [list(b" rig"), list(b" wro"), list(b" no")]
    assert asking(turn, Bytes(), 4).tokens == 1 + 4 + 4 + 3


def test_the_middle_is_cut() -> None:
    assert middle_cut(range(10), 10) == list(range(10))
    assert middle_cut(range(10), 5) == [0, 1, 2, 8, 9]
    assert middle_cut(range(10), 2) == [0, 9]
    assert middle_cut(range(10), 1) == [0]
