"""Integer products are near the exact ones, and a token's does not depend on the tokens beside it."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from freqkv_cli.quantized import modules, products
from freqkv_cli.quantized.blocks import LAYOUTS, Q4_0, Q4_K, Q6_K, RUN
from freqkv_cli.quantized.dots import HAS_DOT
from freqkv_cli.quantized.modules import FEW, QuantizedEmbedding, QuantizedLinear
from tests.quantized.random_blocks import NAMES, exact, random_blocks, random_matrix

ROWS, COLUMNS = 70, 768  # neither whole tiles of rows, nor for most types whole vectors of blocks


def tokens(count: int, columns: int = COLUMNS, *, outlier: float = 1.0) -> Tensor:
    x = torch.randn(count, columns, generator=torch.Generator().manual_seed(count))
    x[:, 5] *= outlier
    return x


def error(actual: Tensor, expected: NDArray[Any]) -> float:
    """The part of the product that is wrong, as standard deviations."""
    difference: float = (actual.double().numpy() - expected).std() / expected.std()
    return difference


@pytest.mark.parametrize("count", [1, FEW, FEW + 1, 50])
@pytest.mark.parametrize("kind", LAYOUTS, ids=NAMES.get)
def test_products_are_near_the_exact_ones(kind: int, count: int) -> None:
    matrix = random_matrix(kind, ROWS, COLUMNS)
    bias = torch.randn(ROWS, generator=torch.Generator().manual_seed(1))
    x = tokens(count)
    expected = x.double().numpy() @ exact(kind, matrix.blocks).T + bias.double().numpy()
    assert error(QuantizedLinear(matrix, bias)(x), expected) < 0.015


@pytest.mark.parametrize("count", [2, 20])
def test_an_outlier_costs_its_neighbours_alone(count: int) -> None:
    matrix = random_matrix(Q4_K, ROWS, COLUMNS)
    x = tokens(count, outlier=1000.0)
    layer = QuantizedLinear(matrix)
    alone = torch.zeros_like(x)
    alone[:, 5] = x[:, 5]
    actual = layer(x) - layer(alone)  # what the other columns come to
    assert error(actual, (x - alone).double().numpy() @ exact(Q4_K, matrix.blocks).T) < 0.5
    quiet = x.clone()
    quiet[:, :64] = 0
    assert error(layer(quiet), quiet.double().numpy() @ exact(Q4_K, matrix.blocks).T) < 0.015


@pytest.mark.parametrize("columns", [32, 96, 288, 576])
def test_rows_that_fill_no_vector(columns: int) -> None:
    matrix = random_matrix(Q4_0, 40, columns)
    layer = QuantizedLinear(matrix)
    for count in (1, 13):
        x = tokens(count, columns)
        assert error(layer(x), x.double().numpy() @ exact(Q4_0, matrix.blocks).T) < 0.03


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", [Q4_K, Q6_K], ids=NAMES.get)
def test_tokens_do_not_depend_on_their_neighbours(kind: int, dtype: torch.dtype) -> None:
    layer = QuantizedLinear(random_matrix(kind, ROWS, COLUMNS))
    x = tokens(29).to(dtype)
    many = layer(x)
    assert many.dtype == dtype
    assert torch.equal(many[3:14], layer(x[3:14]))
    few = layer(x[:FEW])
    assert torch.equal(few[2:3], layer(x[2:3]))
    assert torch.equal(few[4:], layer(x[4:FEW]))


def test_zeros_stay_zeros() -> None:
    layer = QuantizedLinear(random_matrix(Q4_K, ROWS, COLUMNS))
    for count in (1, 20):
        assert torch.equal(layer(torch.zeros(count, COLUMNS)), torch.zeros(count, ROWS))


def test_shapes_are_those_of_a_linear_layer() -> None:
    layer = QuantizedLinear(random_matrix(Q4_K, ROWS, COLUMNS))
    assert layer(torch.zeros(2, 3, COLUMNS)).shape == (2, 3, ROWS)
    assert layer(torch.zeros(2, 30, COLUMNS)).shape == (2, 30, ROWS)
    assert (layer.in_features, layer.out_features) == (COLUMNS, ROWS)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_without_the_instruction_many_tokens_are_exact(monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype) -> None:
    monkeypatch.setattr(modules, "HAS_DOT", False)
    monkeypatch.setattr(modules, "SLICE", 10 * COLUMNS)
    matrix = random_matrix(Q6_K, ROWS, COLUMNS)
    bias = torch.randn(ROWS, generator=torch.Generator().manual_seed(1))
    x = tokens(12).to(dtype)
    expected = x.double().numpy() @ exact(Q6_K, matrix.blocks).T + bias.double().numpy()
    assert error(QuantizedLinear(matrix, bias)(x), expected) < (1e-6 if dtype == torch.float32 else 0.01)


@pytest.mark.skipif(not HAS_DOT, reason="this processor has only one way")
@pytest.mark.parametrize("kind", LAYOUTS, ids=NAMES.get)
def test_both_ways_to_take_a_row_times_a_token_agree(kind: int) -> None:
    from freqkv_cli.quantized.blocks import unpack

    numbers, scale, low = np.empty(COLUMNS, np.uint8), *(np.empty(COLUMNS // RUN, np.float32) for _ in range(2))
    unpack(kind, random_blocks(kind, 1, COLUMNS)[0], numbers, scale, low)
    made = products.quantize(tokens(1).numpy(), RUN)
    row = (numbers, scale, low, made.signed[0], made.factor[0], made.sums[0])
    assert products.dot_of_vectors(*row) == pytest.approx(products.dot_of_runs(*row), rel=1e-4, abs=1e-5)


def test_an_embedding_gives_rows() -> None:
    matrix = random_matrix(Q6_K, ROWS, COLUMNS)
    ids = torch.tensor([[3, 69], [0, 3]])
    rows = QuantizedEmbedding(matrix, torch.bfloat16)(ids)
    expected = torch.from_numpy(exact(Q6_K, matrix.blocks)).to(torch.bfloat16)[ids]
    assert torch.equal(rows, expected)
