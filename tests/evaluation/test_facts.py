"""The facts of a text and their places in it, with a tokenizer of bytes."""

from pathlib import Path

import pytest

from freqkv_cli.documents.document import open_document
from freqkv_cli.evaluation.facts import OTHERS, MeasuredText, measured_text
from tests.evaluation.byte_tokens import Bytes

PEOPLE = ["Anna", "Boris", "Cicely", "Dora", "Edgar", "Finn", "Gustav", "Hal", "Ida", "Jon"]
TALE = "\n".join(
    f"On another day of the long journey they met a man called {name}, who was {31 + number}." + " And so on." * 5
    for number, name in enumerate(PEOPLE)
)


def text_of(path: Path, text: str, tokens: int = 4000, facts: int = 60, distance: int = 0) -> MeasuredText:
    file = path / "tale.txt"
    file.write_text(text, encoding="utf-8")
    with open_document(str(file)) as document:
        return measured_text(document, Bytes(), tokens, facts, distance, seed=1)


def test_a_fact_has_just_been_read_at_its_place(tmp_path: Path) -> None:
    made = text_of(tmp_path, TALE)
    assert [one.answer for one in made.facts][:4] == [" Anna", " 31", " Boris", " 32"]
    for one in made.facts:
        read = bytes(list(made.ids[: one.place])).decode()
        assert read.endswith(one.cue + one.answer)
        assert 25 <= len(one.cue) <= 80
        assert TALE.count(one.answer) == 1


def test_wrong_answers_are_of_the_same_kind_and_stand_in_the_text(tmp_path: Path) -> None:
    for one in text_of(tmp_path, TALE).facts:
        assert len({*one.others} - {one.answer}) == OTHERS
        assert all(other in TALE and other.strip().isdigit() == one.answer.strip().isdigit() for other in one.others)
    anna = text_of(tmp_path, TALE).facts[0]
    assert {" Hal", " Cicely", " Gustav"} & {*anna.others} in ({" Hal"}, set())  # the nearest in length come first


@pytest.mark.parametrize("more", [" They had heard of Dora.", " It was 34 miles."])
def test_what_stands_twice_is_not_asked_for(tmp_path: Path, more: str) -> None:
    answers = {one.answer.strip() for one in text_of(tmp_path, TALE + more).facts}
    assert len(answers) == 19
    assert not answers & set(more.strip(" .").split())


def test_facts_are_spread_over_what_leaves_room_for_a_question(tmp_path: Path) -> None:
    made = text_of(tmp_path, TALE, tokens=1000, facts=5, distance=500)
    assert len(made.ids) == 1000
    places = [one.place for one in made.facts]
    assert len(places) == 5
    assert places == sorted(places)
    assert max(places) <= 510  # characters stand for tokens in the choice
    assert places[-1] - places[0] > 250


def test_a_cue_does_not_reach_over_a_gap(tmp_path: Path) -> None:
    """A column, or a heading, says nothing of what follows."""
    text = TALE.replace("On another day", "Of this and other matters\t12\n\n  On another day")
    assert all(one.cue.startswith("On another") for one in text_of(tmp_path, text).facts if "called" in one.cue[-7:])


def test_a_number_is_found_where_words_have_no_spaces(tmp_path: Path) -> None:
    text = "".join(
        f"我们在这座城市里住了很久很久后来听说那座老房子的门牌号码一直是{n}号没有变过。" for n in range(40, 52)
    )
    made = text_of(tmp_path, text)
    assert [one.answer for one in made.facts] == [str(number) for number in range(40, 52)]


def test_too_few_wrong_answers_make_no_question(tmp_path: Path) -> None:
    assert text_of(tmp_path, TALE[: TALE.index("Gustav")]).facts == []


def test_no_facts_where_none_are_asked_for(tmp_path: Path) -> None:
    assert text_of(tmp_path, TALE, facts=0).facts == []
