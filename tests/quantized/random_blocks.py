"""Random matrices in the blocks of a GGUF file, of every type that freqkv knows."""

from typing import Any

import gguf
import numpy as np
from numpy.typing import NDArray

from freqkv_cli.quantized.blocks import LAYOUTS, Q4_1, Q4_K, Q5_1, Q5_K, Q6_K, row_bytes
from freqkv_cli.quantized.modules import Matrix

NAMES = {kind: gguf.GGMLQuantizationType(kind).name for kind in LAYOUTS}


def random_blocks(kind: int, rows: int, columns: int, *, seed: int = 0, spread: float = 0.05) -> NDArray[Any]:
    """The bytes of `rows` rows; factors are small, of both signs and of all sizes that a 16-bit float has."""
    random = np.random.default_rng(seed)
    size = LAYOUTS[kind][1]
    blocks = random.integers(0, 256, (rows, row_bytes(kind, columns) // size, size), dtype=np.uint8)
    halves = [208] if kind == Q6_K else [0, 2] if kind in (Q4_1, Q5_1, Q4_K, Q5_K) else [0]
    greatest = {Q4_K: 63 * 15, Q5_K: 63 * 31, Q6_K: 127 * 32}.get(kind, 32)
    for at in halves:
        factors = (random.normal(size=blocks.shape[:2]) * spread / greatest * 4).astype(np.float16)
        blocks[:, :, at : at + 2] = factors.view(np.uint8).reshape(*factors.shape, 2)
    whole = blocks.reshape(rows, -1)
    whole.flags.writeable = False
    return whole


def exact(kind: int, blocks: NDArray[Any]) -> NDArray[Any]:
    """What the blocks stand for, by gguf-py, in float64: the oracle."""
    return gguf.dequantize(blocks, gguf.GGMLQuantizationType(kind)).astype(np.float64)


def random_matrix(kind: int, rows: int, columns: int, *, seed: int = 0) -> Matrix:
    """A matrix of `random_blocks`."""
    return Matrix(kind, random_blocks(kind, rows, columns, seed=seed), columns)
