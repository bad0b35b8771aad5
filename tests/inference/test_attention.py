"""The package's attention equals the textbook's, in each of its ways, and is the one that a model calls."""

import pytest
import torch
from torch import Tensor

from freqkv_cli.inference.attention import (
    SPAN,
    TILE,
    _attend_corner,
    chunk_attention,
    observed_by,
    register_attention,
)
from tests.tiny_models import tiny_model


def textbook(query: Tensor, key: Tensor, value: Tensor, scaling: float) -> Tensor:
    """Softmax attention in fp64 with an explicit loop over heads; [batch, Q, heads, head_dim]."""
    query, key, value = query.double(), key.double(), value.double()
    chunk, total = query.shape[2], key.shape[2]
    groups = query.shape[1] // key.shape[1]
    visible = torch.arange(total)[None] <= torch.arange(total - chunk, total)[:, None]
    heads = []
    for head in range(query.shape[1]):
        scores = query[:, head] @ key[:, head // groups].transpose(-1, -2) * scaling
        heads.append(scores.masked_fill(~visible, float("-inf")).softmax(-1) @ value[:, head // groups])
    return torch.stack(heads, dim=2)


def random_tensors(batch: int, chunk: int, total: int, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    source = torch.Generator().manual_seed(chunk + total)
    sizes = ((batch, 6, chunk, 16), (batch, 2, total, 16), (batch, 2, total, 16))
    query, key, value = (torch.randn(size, generator=source).to(dtype) for size in sizes)
    return query, key, value


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize(
    ("chunk", "total"),
    [(1, 1), (1, 50), (7, 7), (7, 50), (TILE, 2 * TILE), (TILE + 9, TILE + 9), (2 * TILE + 3, 400), (600, 700)],
)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 3e-2)])
def test_equals_the_textbook(batch: int, chunk: int, total: int, dtype: torch.dtype, tolerance: float) -> None:
    query, key, value = random_tensors(batch, chunk, total, dtype)
    actual, weights = chunk_attention(None, query, key, value, None, scaling=0.3)
    assert weights is None
    assert actual.dtype == dtype
    torch.testing.assert_close(actual.double(), textbook(query, key, value, 0.3), atol=tolerance, rtol=0)


@pytest.mark.parametrize("slots", [1, 50, SPAN, 3 * SPAN])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 3e-2)])
def test_one_query_on_all_slots_sees_those_in_use(slots: int, dtype: torch.dtype, tolerance: float) -> None:
    query, key, value = random_tensors(2, 1, slots, dtype)
    used = max(1, slots * 2 // 3)
    key[:, :, used:], value[:, :, used:] = 99, 99
    hidden = torch.where(torch.arange(slots) < used, 0.0, float("-inf"))[None, None, None]
    actual, _ = chunk_attention(None, query, key, value, hidden, scaling=0.3)
    assert actual.dtype == dtype
    expected = textbook(query, key[:, :, :used], value[:, :, :used], 0.3)
    torch.testing.assert_close(actual.double(), expected, atol=tolerance, rtol=0)


def test_where_flash_attention_cannot_group_heads_keys_are_repeated() -> None:
    query, key, value = random_tensors(1, 7, 50, torch.float32)
    actual = _attend_corner(query, key, value, 0.3).transpose(1, 2)
    torch.testing.assert_close(actual.double(), textbook(query, key, value, 0.3), atol=1e-5, rtol=0)


@pytest.mark.gpu
@pytest.mark.parametrize(("chunk", "total"), [(1, 50), (7, 50), (300, 300), (512, 2000)])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-3), (torch.bfloat16, 3e-2)])
def test_equals_the_textbook_on_a_gpu(chunk: int, total: int, dtype: torch.dtype, tolerance: float) -> None:
    query, key, value = random_tensors(1, chunk, total, dtype)
    actual, _ = chunk_attention(None, query.cuda(), key.cuda(), value.cuda(), None, scaling=0.3)
    expected = textbook(query, key, value, 0.3)
    torch.testing.assert_close(actual.double().cpu(), expected, atol=tolerance, rtol=0)


def test_the_future_is_invisible() -> None:
    query, key, value = random_tensors(1, 200, 300, torch.bfloat16)
    before, _ = chunk_attention(None, query, key, value, None)
    key[:, :, 250:] += 1
    value[:, :, 250:] += 1
    after, _ = chunk_attention(None, query, key, value, None)
    assert torch.equal(before[:, :150], after[:, :150])
    assert not torch.equal(before[:, 150], after[:, 150])


def test_gradients_flow_in_bf16() -> None:
    query, key, value = random_tensors(1, 8, 20, torch.bfloat16)
    query.requires_grad_()
    chunk_attention(None, query, key, value, None)[0].sum().backward()
    assert query.grad is not None
    assert query.grad.abs().max() > 0


def test_a_model_uses_it_without_a_mask() -> None:
    model = tiny_model("llama", layers=2)
    ids = torch.arange(3, 40)[None]
    with torch.no_grad():
        expected = model(ids).logits
        model.set_attn_implementation(register_attention())
        torch.testing.assert_close(model(ids).logits, expected, atol=1e-5, rtol=0)


def test_an_observer_is_told_of_every_layer_until_the_block_ends() -> None:
    model = tiny_model("llama", layers=2)
    model.set_attn_implementation(register_attention())
    told: list[tuple[int, tuple[int, ...], float]] = []

    def observer(layer: int, query: Tensor, scaling: float) -> None:
        told.append((layer, tuple(query.shape), scaling))

    ids = torch.arange(3, 10)[None]
    with torch.no_grad():
        expected = model(ids).logits
        with observed_by(observer):
            assert torch.equal(model(ids).logits, expected)
            with observed_by(None):
                model(ids)
        assert told == [(0, (1, 4, 7, 16), 0.25), (1, (1, 4, 7, 16), 0.25)]
        with pytest.raises(KeyboardInterrupt), observed_by(observer):
            raise KeyboardInterrupt
        model(ids)
    assert len(told) == 2
