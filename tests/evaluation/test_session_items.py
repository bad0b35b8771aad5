"""What turns ask for is what the context says, and what it does not say is wrong."""

import random
import re
from collections import Counter

import pytest

from freqkv_cli.evaluation.needle_items import OTHERS
from freqkv_cli.evaluation.session_items import (
    IN_ORDER,
    KINDS,
    MAKERS,
    MOST_TURNS,
    SORTS,
    SUBJECTS,
    Material,
    SessionTurn,
    make_material,
)


def material(kind: str, turns: int = 5, tokens: int = 1000, seed: int = 1) -> Material:
    """With a token for each word."""
    return make_material(kind, random.Random(seed), tokens, turns, lambda sentence: len(sentence.split()))


def sentences(made: Material) -> list[str]:
    return [sentence for _, sentence in sorted(made.told)]


def cue(turn: SessionTurn) -> str:
    """What stands before the answer."""
    found = re.fullmatch(r"\n\nQuestion: .+\?\nAnswer: (.+)", turn.question)
    assert found
    return found.group(1)


@pytest.mark.parametrize("turns", [1, 5, MOST_TURNS])
@pytest.mark.parametrize("kind", KINDS)
def test_turns_are_different_and_have_seven_wrong_answers(kind: str, turns: int) -> None:
    made = material(kind, turns, tokens=4000)
    assert len({turn.question for turn in made.turns}) == len(made.turns) == turns
    for turn in made.turns:
        assert len({turn.answer, *turn.others}) == 1 + OTHERS
        assert all(text.startswith(" ") for text in (turn.answer, *turn.others))


@pytest.mark.parametrize("kind", ["string", "kv"])
def test_values_of_unique_keys(kind: str) -> None:
    made = material(kind)
    whole = sentences(made)
    for turn in made.turns:
        assert [one for one in whole if one.startswith(cue(turn))] == [f"{cue(turn)}{turn.answer}."]
        assert all(sum(one.endswith(f"{other}.") for one in whole) == 1 for other in turn.others)


def test_hops_need_two_sentences() -> None:
    made = material("hops")
    whole = "\n".join(sentences(made))
    for turn in made.turns:
        thing = re.fullmatch(r"The owner of (.+) lives in", cue(turn))
        assert thing
        (owner,) = re.findall(rf"^The {thing.group(1).removeprefix('the ')} belongs to (\w+)\.$", whole, re.MULTILINE)
        assert re.findall(rf"^{owner} lives in( \w+)\.$", whole, re.MULTILINE) == [turn.answer]
        assert all(f"lives in{other}." in whole for other in turn.others)


def test_shots_ask_for_the_sort_of_a_word_that_was_not_shown() -> None:
    made = material("shots")
    shown = dict(re.fullmatch(r"The label of (\w+) is (\w+)\.", one).groups() for one in sentences(made))  # type: ignore[union-attr, misc]
    for turn in made.turns:
        word = cue(turn).split()[3]
        assert word not in shown
        (sort,) = [words.split() for words in SORTS if word in words.split()]
        assert {f" {shown[other]}" for other in sort if other in shown} == {turn.answer}
    assert {label for turn in made.turns for label in turn.others} <= {f" {label}" for label in shown.values()}


def test_the_commonest_is_three_times_as_common() -> None:
    made = material("common")
    for turn in made.turns:
        name = cue(turn).split()[2]
        sold = Counter(one.removeprefix(f"{name} sold a").rstrip(".") for one in sentences(made) if name in one)
        assert set(sold) == {turn.answer, *turn.others}
        assert all(sold[turn.answer] == 3 * sold[other] for other in turn.others)


def test_summaries_are_of_sections_in_their_order() -> None:
    made = material("summary")
    subjects = [one.split()[-1].rstrip(".") for one in sentences(made) if one.startswith("Section")]
    assert subjects == [one.split()[-1].rstrip(".") for one in sentences(made) if one.startswith("So much")]
    asked: list[int] = []
    for turn in made.turns:
        first, last = map(int, re.findall(r"\d+", cue(turn)))
        asked += range(first, last + 1)
        own = subjects[first - 1 : last]
        assert turn.answer == f" {own[0]}, {own[1]} and {own[2]}"
        told = [set(re.findall(r"\w+", other)) - {"and"} for other in turn.others]
        assert sum(words == set(own) for words in told) == 5
        foreign = set().union(*told) - set(own)
        assert len(foreign) == 2
        assert not foreign & set(subjects)
    assert sorted(asked) == list(range(1, 1 + IN_ORDER * len(made.turns)))  # none is in two turns


def test_there_are_words_enough() -> None:
    words = [word for sort in SORTS for word in sort.split()]
    assert len(words) == len(set(words))
    subjects = SUBJECTS.split()
    assert len(set(subjects)) == len(subjects) >= IN_ORDER * MOST_TURNS + 2


def test_mixed_asks_for_all_kinds() -> None:
    assert Counter(turn.kind for turn in material("mixed", 12, 4000).turns) == dict.fromkeys(MAKERS, 2)


@pytest.mark.parametrize("kind", ["kv", "shots", "common"])
def test_dense_kinds_fill_the_context(kind: str) -> None:
    for tokens in (1000, 4000):
        filled = sum(len(one.split()) for one in sentences(material(kind, tokens=tokens)))
        assert 0.75 * tokens < filled < 0.92 * tokens


@pytest.mark.parametrize("kind", ["kv", "shots", "common", "mixed"])
def test_no_turns_without_room(kind: str) -> None:
    assert material(kind, tokens=30).turns == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_seed_decides(kind: str) -> None:
    assert material(kind) == material(kind)
    assert material(kind) != material(kind, seed=2)
