"""Sequences cover the texts, follow from seed and number alone, and shift their targets over the whole of each."""

import pytest
import torch

from freqkv_cli.errors import NoTextError
from freqkv_cli.training.corpus import TrainingText
from freqkv_cli.training.sequences import (
    NOTHING,
    Samples,
    Windows,
    cut_held_out,
    make_sample,
)


def text(first: int, count: int) -> TrainingText:
    return TrainingText("t", torch.arange(first, first + count, dtype=torch.int32))


def test_packed_windows_follow_one_another_and_come_once_in_a_round() -> None:
    windows = Windows([text(0, 500), text(1000, 510)], 100, None, seed=3)
    assert windows.count == 9
    taken = [windows.take(number) for number in range(9)]
    assert all(len(window) == 101 for window in taken)
    starts = sorted(int(window[0]) for window in taken)
    inputs = torch.cat([window[:-1] for window in taken])
    assert len(inputs.unique()) == 900
    assert starts != [int(window[0]) for window in taken]  # shuffled


def test_the_next_round_is_cut_and_shuffled_otherwise() -> None:
    windows = Windows([text(0, 1010)], 100, None, seed=3)
    first = [int(windows.take(number)[0]) for number in range(9)]
    second = [int(windows.take(number)[0]) for number in range(9, 18)]
    assert sorted(first) != sorted(second)


def test_windows_depend_on_seed_and_number_alone() -> None:
    texts = [text(0, 1010)]
    windows = Windows(texts, 100, None, seed=3)
    again = Windows(texts, 100, None, seed=3)
    other = Windows(texts, 100, None, seed=4)
    numbers = [17, 2, 40]
    assert all(torch.equal(windows.take(number), again.take(number)) for number in numbers)
    assert any(not torch.equal(windows.take(number), other.take(number)) for number in numbers)


def test_too_little_text_is_an_error() -> None:
    with pytest.raises(NoTextError, match="150 tokens to learn from, and sequences of 100 take 201"):
        Windows([text(0, 150)], 100, None, seed=0)


def test_targets_are_shifted_and_nothing_is_learnt_behind_the_end() -> None:
    sample = make_sample(torch.tensor([5, 6, 7, NOTHING, NOTHING]))
    assert sample.ids.tolist() == [5, 6, 7, 0]
    assert sample.targets.tolist() == [6, 7, 0, 0]
    assert sample.weights.tolist() == [1, 1, 0, 0]


def test_a_share_of_the_sequences_is_changed() -> None:
    class Task:
        def plant(self, window: torch.Tensor, choice: object) -> tuple[torch.Tensor, torch.Tensor]:
            return torch.full_like(window, 7), torch.full((len(window),), 8.0)

    windows = Windows([text(10, 20_000)], 10, None, seed=0)
    task: object = Task()
    samples = Samples(windows, 0, 0.3, task)  # type: ignore[arg-type]
    changed = sum(int(samples.take(number).ids[0] == 7) for number in range(1000))
    assert 240 < changed < 360
    assert Samples(windows, 0, 0.0, None).take(3).weights.unique().tolist() == [1.0]


def test_held_out_sequences_are_spread_over_the_texts() -> None:
    samples = cut_held_out([text(0, 1001)], 100, 5)
    assert [int(sample.ids[0]) for sample in samples] == [0, 200, 400, 600, 800]
    assert all(len(sample.ids) == 100 for sample in samples)
    assert [len(sample.ids) for sample in cut_held_out([text(0, 30)], 100, 5)] == [29]
    assert cut_held_out([], 100, 5) == []
