"""Layers of a torch model whose matrices stay in the blocks of their file."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import linear, silu

from freqkv_cli.quantized import products
from freqkv_cli.quantized.blocks import HIGHEST, Q8_0, RUN, dequantize
from freqkv_cli.quantized.dots import HAS_DOT
from freqkv_cli.quantized.stored import as_stored

FEW = 8  # tokens that are multiplied with the blocks as they are
CHECKED = 32  # rows of a matrix that are tried before it is used
TOLERANCE = 0.05  # of their products, to the products; rounding to bytes makes 0.01
SLICE = 1 << 22  # weights that are dequantized at once where there are no integer products


class Matrix:
    """A matrix in blocks: `kind` is its type's number in GGUF, `blocks` are the bytes of its rows, read-only."""

    def __init__(self, kind: int, blocks: NDArray[Any], columns: int) -> None:
        self.kind, self.blocks, self.columns = kind, blocks, columns

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.blocks), self.columns

    @property
    def bytes(self) -> int:
        """The bytes of its blocks."""
        return int(self.blocks.nbytes)

    def dequantize(self, rows: NDArray[Any] | None = None) -> Tensor:
        """All rows, or those of the given numbers, in float32: [rows, columns]."""
        numbers = np.arange(len(self.blocks)) if rows is None else rows
        weights = torch.empty(len(numbers), self.columns)
        dequantize(self.kind, self.blocks, numbers, weights.numpy())
        return weights


def pack(weights: Tensor) -> Matrix:
    """A matrix in blocks of 8 bits (Q8_0) that stands for `weights`, [rows, columns], columns a multiple of 32."""
    import gguf

    blocks = gguf.quantize(weights.numpy(), gguf.GGMLQuantizationType.Q8_0)
    return Matrix(Q8_0, blocks, weights.shape[1])


def must_compile() -> bool:
    """Whether the first products wait for a compiler: some ten seconds, once on a machine."""
    return not any(Path(products.multiply_few.stats.cache_path).glob("products.multiply_few-*.nbi"))


def multiplies_rightly(matrices: list[Matrix]) -> bool:
    """Whether products with the matrices at hand, one of each type and width, are what gguf-py's numbers give.

    Compiles what is not compiled yet.
    """
    import gguf

    chosen = {(one.kind, one.columns): one for one in matrices}
    for (kind, columns), one in chosen.items():
        some = Matrix(kind, one.blocks[:CHECKED], columns)
        x = torch.randn(2 * FEW, columns, generator=torch.Generator().manual_seed(0))
        weights = torch.from_numpy(gguf.dequantize(some.blocks, gguf.GGMLQuantizationType(kind)))
        layer, expected = QuantizedLinear(some), x @ weights.t()
        actual = torch.cat((layer(x[:FEW]), layer(x)))
        wrong = actual - torch.cat((expected[:FEW], expected))
        if not bool(wrong.norm() < TOLERANCE * expected.norm()):
            return False
    return True


class QuantizedLinear(nn.Module):
    """What nn.Linear computes, up to the rounding to bytes; see products.py. It has no gradient."""

    def __init__(self, matrix: Matrix, bias: Tensor | None = None) -> None:
        super().__init__()
        self.matrix = matrix
        self.out_features, self.in_features = matrix.shape
        self.bias = None if bias is None else nn.Parameter(bias, requires_grad=False)
        self.added = np.empty(0, np.float32) if bias is None else bias.float().numpy()

    def forward(self, x: Tensor) -> Tensor:
        """x: [..., in_features], float32 or bfloat16. Returns [..., out_features] of the same dtype."""
        tokens = x.reshape(-1, self.in_features).contiguous()
        many = self._many if HAS_DOT else self._in_slices
        out = self._few(tokens) if len(tokens) <= FEW else many(tokens)
        return out.reshape(*x.shape[:-1], self.out_features)

    def _few(self, tokens: Tensor) -> Tensor:
        made, matrix = products.quantize(as_stored(tokens), RUN), self.matrix
        out = torch.empty(len(tokens), self.out_features)
        products.multiply_few(matrix.kind, matrix.blocks, self.added, made, out.numpy(), False)
        return out.to(tokens.dtype)

    def _many(self, tokens: Tensor) -> Tensor:
        return self.multiply(products.quantize(as_stored(tokens), products.LANES), len(tokens), tokens.dtype)

    def multiply(self, made: products.Activations, count: int, dtype: torch.dtype) -> Tensor:
        """The product with `count` tokens in bytes, [count, out_features]."""
        out, matrix = torch.empty(count, self.out_features, dtype=dtype), self.matrix
        highest = HIGHEST[matrix.kind]
        products.multiply_many(matrix.kind, highest, matrix.blocks, self.added, made, as_stored(out))
        return out

    def _in_slices(self, x: Tensor) -> Tensor:
        """The product with weights that are dequantized, some rows at a time."""
        count = max(1, SLICE // self.in_features)
        parts = []
        for start in range(0, self.out_features, count):
            rows = np.arange(start, min(start + count, self.out_features))
            bias = torch.from_numpy(self.added[start : start + count]).to(x.dtype) if len(self.added) else None
            parts.append(linear(x, self.matrix.dequantize(rows).to(x.dtype), bias))
        return torch.cat(parts, dim=-1)


class QuantizedMLP(nn.Module):
    """down(silu(gate(x)) * up(x)), what Llama's layers have after attention; activations become bytes once for both."""

    def __init__(self, gate: QuantizedLinear, up: QuantizedLinear, down: QuantizedLinear) -> None:
        super().__init__()
        self.gate_proj, self.up_proj, self.down_proj = gate, up, down

    def forward(self, x: Tensor) -> Tensor:
        """x: [..., hidden]. Returns the same shape and dtype."""
        tokens = x.reshape(-1, x.shape[-1]).contiguous()
        count = len(tokens)
        if count <= FEW or not HAS_DOT:
            return self.down_proj(silu(self.gate_proj(x)) * self.up_proj(x))
        made = products.quantize(as_stored(tokens), products.LANES)
        gate, up = (as_stored(part.multiply(made, count, x.dtype)) for part in (self.gate_proj, self.up_proj))
        made = products.quantize(gate, products.LANES, up)
        return self.down_proj.multiply(made, count, x.dtype).reshape(x.shape)


class QuantizedEmbedding(nn.Module):
    """What nn.Embedding gives: the rows of a matrix, in `dtype`."""

    def __init__(self, matrix: Matrix, dtype: torch.dtype) -> None:
        super().__init__()
        self.matrix, self.dtype = matrix, dtype

    def forward(self, ids: Tensor) -> Tensor:
        """ids: any shape. Returns [..., columns]."""
        rows = self.matrix.dequantize(ids.reshape(-1).numpy())
        return rows.to(self.dtype).reshape(*ids.shape, -1)
