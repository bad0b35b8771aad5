"""What is looked at from afar is measured as the textbook says, and foretold where it can be."""

import random
from typing import Any

import pytest
import torch
from torch import Tensor

from freqkv_cli.events import run_to_end
from freqkv_cli.inference.attention import register_attention
from freqkv_cli.kvcache.importance import features
from freqkv_cli.training.importance_fit import (
    LeastSquares,
    explained,
    far_attention,
    fit_importance,
    looked_at,
    watch,
)
from freqkv_cli.training.sequences import Samples, Windows, make_sample
from tests.tiny_models import tiny_model


class RandomWindows(Windows):
    """Sequences of random ids."""

    def __init__(self) -> None:
        self.count = 100

    def take(self, number: int) -> Tensor:
        source = random.Random(number)
        return torch.tensor([source.randrange(3, 128) for _ in range(97)])


@pytest.fixture
def model() -> Any:
    made = tiny_model("llama")
    made.set_attn_implementation(register_attention())
    return made


def test_far_attention_is_the_most_that_a_far_query_pays() -> None:
    source = torch.Generator().manual_seed(0)
    heads, kv_heads, length, far = 4, 2, 300, 20  # more than one tile
    queries, keys = torch.randn(heads, length, 8, generator=source), torch.randn(kv_heads, length, 8, generator=source)
    weights = torch.rand(length, generator=source)
    expected = torch.zeros(kv_heads, length)
    for head in range(heads):
        for row in range(length):
            paid = (keys[head // 2, : row + 1] @ queries[head, row]).softmax(0) * weights[row]
            for place in range(max(0, row - far + 1)):
                expected[head // 2, place] = max(expected[head // 2, place], paid[place])
    torch.testing.assert_close(far_attention(queries, keys, weights, far), expected)


def test_rows_are_those_of_the_model(model: Any) -> None:
    """The features are of position-free keys: a text reads the same rows wherever it stands in the cache."""
    sample = make_sample(RandomWindows().take(0))
    cache = watch(model, sample, 96)
    assert cache.length == 96
    for number, rows, wanted in looked_at(cache, sample):
        layer = cache.layers[number]
        free = cache.rotation.unrotate(layer.keys[0], 0)
        assert torch.equal(rows, features(free, layer.values[0])[:, 8:48])
        assert wanted.shape == rows.shape[:2]


def test_least_squares_find_a_linear_function() -> None:
    source = torch.Generator().manual_seed(2)
    truth = torch.randn(2, 5, generator=source)
    squares, kept = LeastSquares(), []
    for number in range(4):
        rows = torch.randn(2, 50, 5, generator=source)
        wanted = (rows @ truth.unsqueeze(-1)).squeeze(-1)
        if number < 3:
            squares.add(0, rows, wanted)
        else:
            kept.append((0, rows, wanted))
    solved = squares.solve()
    torch.testing.assert_close(solved[0], truth, atol=1e-3, rtol=1e-3)
    assert explained(solved, kept) > 0.999
    assert explained(torch.zeros_like(solved), kept) < 0.1


def test_fitted_functions_foretell_more_than_nothing(model: Any) -> None:
    weights, share = run_to_end(fit_importance(model, Samples(RandomWindows()), 96, 20, "test"))
    layers, heads, dim = model.config.num_hidden_layers, model.config.num_key_value_heads, model.config.head_dim
    assert weights.shape == (layers, heads, 2 * dim + 3)
    assert 0.02 < share < 1
