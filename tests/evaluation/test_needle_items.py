"""Facts and their places in the text, with a tokenizer of bytes."""

from collections.abc import Iterator

import pytest

from freqkv_cli.evaluation.needle_items import OTHERS, Quiz, document_sentences, make_quiz
from tests.evaluation.byte_tokens import Bytes


def filler(sentences: int = 200) -> Iterator[str]:
    people = ["Ann", "Bob", "Cid", "Dora", "Eve", "Finn", "Gus", "Hal", "Ida", "Jon"]
    for number in range(sentences):
        yield (
            f"On day {number} of the long journey they met a man called {people[number]}."
            if number < 10
            else (f"On day {number} of the long journey they met nobody at all.")
        )


def quiz(kinds: tuple[str, ...], seed: int = 1, tokens: int = 4000) -> Quiz:
    return make_quiz(filler(), Bytes(), tokens, kinds, 5, seed)


def read_text(made: Quiz, end: int) -> str:
    return bytes(made.ids[:end]).decode()


@pytest.mark.parametrize("kind", ["passkey", "pairs"])
def test_a_fact_has_just_been_read_at_its_place(kind: str) -> None:
    made = quiz((kind,))
    assert len(made.items) == (1 if kind == "passkey" else 5)
    for item in made.items:
        assert f"{item.cue}{item.answer}." in read_text(made, item.place)[-60:]
        assert read_text(made, len(made.ids)).count(item.answer) == 1
        assert len(set(item.others)) == OTHERS
        assert item.answer not in item.others


def test_pairs_are_spread_and_ask_for_each_other() -> None:
    made = quiz(("pairs",))
    places = [item.place / 4000 for item in made.items]
    assert places == pytest.approx([0.1, 0.3, 0.5, 0.7, 0.9], abs=0.04)
    answers = {item.answer for item in made.items}
    assert all(len(answers & set(item.others)) == 4 for item in made.items)


def test_the_passkey_lies_near_the_start() -> None:
    (item,) = quiz(("passkey",)).items
    assert item.place < 4000 / 10


def test_a_cloze_asks_for_a_name_that_stands_in_the_text_once() -> None:
    made = quiz(("cloze",))
    text = read_text(made, len(made.ids))
    assert len(made.items) == 5
    for item in made.items:
        assert text.count(item.answer) == 1
        assert f"{item.cue}{item.answer}." in read_text(made, item.place)
        assert all(other in text for other in item.others)
        assert item.answer not in item.others
        assert len(item.cue.split()) == 12


def test_the_seed_decides() -> None:
    kinds = ("passkey", "pairs", "cloze")
    assert quiz(kinds) == quiz(kinds)
    assert quiz(kinds) != quiz(kinds, seed=2)
    items = quiz(kinds).items
    assert [item.place for item in items] == sorted(item.place for item in items)


def test_of_two_names_in_a_sentence_it_is_always_the_same_one() -> None:
    text = ["On the very first day of the long journey they met Zoe and also Yan there.", *filler(20)]
    made = make_quiz(iter(text), Bytes(), 2000, ("cloze",), 50, 0)
    assert made.items[0].answer == " Yan"  # by the alphabet, as a set has another order in each process
    assert made.items[0].cue.endswith("they met Zoe and also")


def test_no_fact_without_a_text() -> None:
    assert make_quiz(iter(()), Bytes(), 100, ("pairs", "cloze"), 3, 0).items == []


def test_sentences_of_pages() -> None:
    assert list(document_sentences(iter(["One. Two.", "Three."]))) == ["One.", "Two.", "Three."]
