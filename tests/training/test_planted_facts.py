"""Generated facts stand before their questions, and the answers weigh more."""

import random
import re
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoTokenizer

from freqkv_cli.reading.prompt import encode_text
from freqkv_cli.training.planted_facts import ANSWER_WEIGHT, RetrievalTask, make_facts, spliced
from tests.tiny_folder import save_tiny_model

PROSE = "It was late. Nobody had seen the man who came in! Was he a friend? " * 60


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return AutoTokenizer.from_pretrained(save_tiny_model(tmp_path_factory.mktemp("tiny")))


def planted(tokenizer: Any, seed: int, length: int = 2049) -> tuple[str, Tensor, Tensor]:
    window = torch.tensor(encode_text(tokenizer, PROSE)[:length])
    ids, weights = RetrievalTask(tokenizer).plant(window, random.Random(seed))
    return tokenizer.decode(ids), ids, weights


@pytest.mark.parametrize("seed", range(5))
def test_every_question_comes_after_its_fact(tokenizer: Any, seed: int) -> None:
    text, ids, weights = planted(tokenizer, seed)
    assert len(ids) == len(weights) == 2049
    asked = re.findall(r"\n(The pass key of the ([\w ]+) is|Look up record ([\w-]+):) (\d{5})\.\n", text)
    told = dict(re.findall(r"\nRecord ([\w-]+): (\d{5})\.\n", text)) | dict(
        re.findall(r"\nThe pass key of the ([\w ]+) is (\d{5})\.\n", text)
    )
    assert len(told) == 8
    for key, value in told.items():
        assert text.count(value) == 2, key
        assert text.index(key) < text.rindex(key)
    assert len(asked) >= 8


def test_answers_weigh_more_and_nothing_else(tokenizer: Any) -> None:
    _, ids, weights = planted(tokenizer, 1)
    answers = tokenizer.decode(ids[weights == ANSWER_WEIGHT])
    assert re.fullmatch(r"( \d{5})+", answers)
    assert len(answers) == 8 * 6
    assert set(weights.tolist()) == {1.0, ANSWER_WEIGHT}


def test_prose_is_parted_where_a_sentence_ends(tokenizer: Any) -> None:
    text, _, _ = planted(tokenizer, 2)
    prose = re.sub(r"\n[^\n]*\n", "", text)
    assert PROSE.startswith(prose)
    for before in re.findall(r"(.)\n(?:The pass|Record|Look)", text):
        assert before in ".!?\n"


def test_distances_are_near_and_far(tokenizer: Any) -> None:
    distances = []
    for seed in range(40):
        text, _, _ = planted(tokenizer, seed)
        for value in set(re.findall(r"\d{5}", text)):
            distances.append(text.rindex(value) - text.index(value))
    assert sum(distance < 200 for distance in distances) > 50
    assert sum(distance > 800 for distance in distances) > 50


def test_short_window_comes_back_as_it_is(tokenizer: Any) -> None:
    window = torch.tensor(encode_text(tokenizer, PROSE)[:40])
    ids, weights = RetrievalTask(tokenizer).plant(window, random.Random(0))
    assert torch.equal(ids, window)
    assert weights.unique().tolist() == [1.0]


def test_nothing_is_planted_behind_the_end_of_a_text(tokenizer: Any) -> None:
    window = torch.tensor(encode_text(tokenizer, PROSE)[:600] + [-1] * 425)
    ids, _ = RetrievalTask(tokenizer).plant(window, random.Random(0))
    assert len(ids) == 1025
    ends = (ids == -1).nonzero()
    assert (ids[int(ends[0]) :] == -1).all()


def test_facts_differ() -> None:
    facts = make_facts(50, random.Random(0))
    assert len({fact.asked for fact in facts}) == 50
    assert all(fact.answer in fact.told for fact in facts)


def test_pieces_at_one_place_keep_their_order() -> None:
    ids, weights = spliced(torch.tensor([1, 2, 3]), [(2, [(10, 1.0), (11, 8.0), (12, 1.0)]), (2, [(20, 1.0)])], 8)
    assert ids.tolist() == [1, 2, 10, 11, 12, 20, 3, -1]
    assert weights.tolist() == [1, 1, 1, 8, 1, 1, 1, 1]
