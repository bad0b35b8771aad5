"""Rows of every block type come out as gguf-py has them, bit for bit."""

import gguf
import numpy as np
import pytest

from freqkv_cli.quantized.blocks import HIGHEST, LAYOUTS, RUN, dequantize, half, unpack
from tests.quantized.random_blocks import NAMES, exact, random_blocks

COLUMNS = 512


@pytest.mark.parametrize("kind", LAYOUTS, ids=NAMES.get)
def test_rows_are_those_of_gguf_py(kind: int) -> None:
    blocks = random_blocks(kind, 20, COLUMNS)
    rows = np.array([3, 19, 0, 3])
    weights = np.empty((len(rows), COLUMNS), np.float32)
    dequantize(kind, blocks, rows, weights)
    np.testing.assert_array_equal(weights, exact(kind, blocks)[rows])


@pytest.mark.parametrize("kind", LAYOUTS, ids=NAMES.get)
def test_no_number_is_above_the_highest(kind: int) -> None:
    blocks = random_blocks(kind, 20, COLUMNS)
    numbers, scale, low = np.empty(COLUMNS, np.uint8), np.empty(COLUMNS // RUN, np.float32), np.empty(32, np.float32)
    seen = 0
    for row in blocks:
        unpack(kind, row, numbers, scale, low)
        seen = max(seen, int(numbers.max()))
    assert seen == HIGHEST[kind]


@pytest.mark.parametrize("kind", LAYOUTS, ids=NAMES.get)
def test_layouts_are_those_of_gguf_py(kind: int) -> None:
    assert gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType(kind)] == LAYOUTS[kind]


def test_every_finite_16_bit_float() -> None:
    numbers = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    numbers = numbers[np.isfinite(numbers)]
    stored = numbers.view(np.uint8).reshape(-1, 2)
    mine = np.array([half(pair, 0) for pair in stored], np.float32)
    np.testing.assert_array_equal(mine, numbers.astype(np.float32))
