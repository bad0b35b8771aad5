"""The compiled loops compute what their formulas say, here in double precision, and a round does what torch does."""

import copy
import math

import pytest
import torch
from torch import Tensor

from freqkv_cli.kvcache import compiled
from freqkv_cli.kvcache.geometry import Geometry
from freqkv_cli.kvcache.layers import FixedLayer
from freqkv_cli.kvcache.policies import make_policy
from freqkv_cli.kvcache.policy import CompressionContext, SelectingPolicy
from freqkv_cli.kvcache.rope import SlotKeys, SlotRotation
from freqkv_cli.kvcache.selection import distinctness, strongest
from tests.kvcache.policies.test_policies import PICKING

HEADS, SLOTS, DIM, VALUE_DIM = 3, 90, 12, 10
ANGLES = torch.outer(torch.arange(SLOTS).double(), 10000.0 ** -(torch.arange(DIM // 2).double() / (DIM // 2)))

DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
SCALES = pytest.mark.parametrize("scale", [1.0, 1.3])


def rotation(scale: float) -> SlotRotation:
    angles = torch.cat((ANGLES, ANGLES), dim=-1)
    return SlotRotation((scale * angles.cos()).float(), (scale * angles.sin()).float(), scale)


def random_slots(dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Keys and values of two batches, of slots that lie apart, as the slots in use do in a cache that is not full."""
    source = torch.Generator().manual_seed(4)
    keys = torch.randn(2, HEADS, SLOTS + 5, DIM, generator=source) + 0.5
    values = torch.randn(2, HEADS, SLOTS + 5, VALUE_DIM, generator=source)
    return keys.to(dtype)[..., :SLOTS, :], values.to(dtype)[..., :SLOTS, :]


def turned(keys: Tensor, slots: Tensor) -> Tensor:
    """Keys rotated further by so many slots, through complex numbers."""
    pairs = torch.complex(*keys.double().chunk(2, dim=-1))
    angles = slots.double().unsqueeze(-1) * ANGLES[1]
    pairs = pairs * torch.polar(torch.ones_like(angles), angles)
    return torch.cat((pairs.real, pairs.imag), dim=-1)


def test_they_are_what_is_tested() -> None:
    keys, values = random_slots(torch.bfloat16)
    assert compiled.applies_to(keys, values)
    assert not compiled.applies_to(keys.half())
    assert not compiled.applies_to(keys.float().requires_grad_())


@DTYPES
@SCALES
def test_distinctness(dtype: torch.dtype, scale: float) -> None:
    keys = random_slots(dtype)[0][..., 5:, :]
    free = turned(keys, -torch.arange(5, SLOTS))
    free = free / free.norm(dim=-1, keepdim=True)
    expected = -(free @ torch.nn.functional.normalize(free.mean(dim=-2), dim=-1).unsqueeze(-1)).squeeze(-1)
    found = distinctness(SlotKeys(keys, rotation(scale), 5))
    torch.testing.assert_close(found.double(), expected, atol=1e-5, rtol=0)


@DTYPES
@SCALES
def test_importance(dtype: torch.dtype, scale: float) -> None:
    keys, values = (x[..., 5:, :] for x in random_slots(dtype))
    weights = torch.randn(HEADS, DIM + VALUE_DIM + 3, generator=torch.Generator().manual_seed(1))
    free, exact = turned(keys, -torch.arange(5, SLOTS)) / scale, values.double()
    lengths = (free.norm(dim=-1, keepdim=True), exact.norm(dim=-1, keepdim=True))
    features = torch.cat((free, exact, *lengths, torch.ones_like(lengths[0])), dim=-1)
    expected = (features * weights.double().unsqueeze(-2)).sum(-1)
    cos_sin_scale = SlotKeys(keys, rotation(scale), 5).tables
    found = compiled.importance(weights, keys, values, *cos_sin_scale)
    torch.testing.assert_close(found.double(), expected, atol=1e-4, rtol=0)


@DTYPES
@SCALES
def test_keep_moves_rows_in_place(dtype: torch.dtype, scale: float) -> None:
    keys, values = random_slots(dtype)
    before, values_before = keys.clone(), values.clone()
    ranked = torch.rand(2, HEADS, SLOTS - 7 - 20, generator=torch.Generator().manual_seed(2)).argsort(dim=-1)
    kept = ranked[..., :40].sort(dim=-1).values
    kept[0, 0] = torch.arange(40)  # and of these none moves
    tables = rotation(scale)
    compiled.keep(keys, values, kept, slice(7, SLOTS - 20), tables.cos, tables.sin, tables.scale)
    slots = torch.cat((kept + 7, torch.arange(SLOTS - 20, SLOTS).expand(2, HEADS, -1)), dim=-1)
    rows, moved = slots.unsqueeze(-1), torch.arange(7, 67) - slots
    assert torch.equal(values[..., 7:67, :], values_before.gather(-2, rows.expand(-1, -1, -1, VALUE_DIM)))
    expected = turned(before.gather(-2, rows.expand(-1, -1, -1, DIM)), moved)
    exact = 1e-5 if dtype == torch.float32 else 2**-7  # half a step of bfloat16 between 2 and 4
    torch.testing.assert_close(keys[..., 7:67, :].double(), expected, atol=exact, rtol=0)
    assert torch.equal(keys[0, 0, :47], before[0, 0, :47])
    assert torch.equal(keys[..., :7, :], before[..., :7, :])


@pytest.mark.parametrize("count", [0, 1, 30, 90])
def test_strongest(count: int) -> None:
    scores = torch.randn(2, HEADS, 90, generator=torch.Generator().manual_seed(5))
    scores[0, 0, :40] = -math.inf
    scores[0, 1, 7] = math.inf
    scores[1, 0] = 0.5
    scores[1, 1, 20:60] = -0.0
    found = strongest(scores, count)
    assert found.shape == (2, HEADS, count)
    assert (found.diff() > 0).all()
    highest = scores.gather(-1, found).sort(descending=True).values
    assert torch.equal(highest, scores.sort(descending=True).values[..., :count])
    assert found[1, 0].tolist() == list(range(count))


@DTYPES
def test_mean_attention(dtype: torch.dtype) -> None:
    """Of two heads with three queries each, whose own slots are the last three."""
    scores = (3 * torch.randn(2, HEADS, 6, SLOTS, generator=torch.Generator().manual_seed(3))).to(dtype)
    expected = torch.zeros(2, HEADS, SLOTS, dtype=torch.float64)
    for row in range(6):
        seen = SLOTS - 2 + row % 3
        expected[..., :seen] += scores[..., row, :seen].double().softmax(dim=-1) / 6
    torch.testing.assert_close(compiled.mean_attention(scores, 3).double(), expected, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("name", PICKING)
@DTYPES
@torch.no_grad()
def test_a_round_keeps_the_rows_that_torch_keeps(
    name: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy, tables = make_policy(name), rotation(1.0)
    assert isinstance(policy, SelectingPolicy)
    one = FixedLayer(SLOTS)
    one.update(*random_slots(dtype))
    other = copy.deepcopy(one)
    attention = torch.rand(2, HEADS, SLOTS - 16, generator=torch.Generator().manual_seed(7))
    context = CompressionContext(kept=30, tokens=200, attention=attention)
    one.compress(Geometry(SLOTS, 4, 12), policy, tables, 35, context)
    monkeypatch.setattr(compiled, "_kernels", lambda: None)  # as without numba
    assert not compiled.applies_to(other.keys)
    other.compress(Geometry(SLOTS, 4, 12), policy, tables, 35, context)
    assert one.get_seq_length() == other.get_seq_length() == 4 + 35 + 12
    assert torch.equal(one.values, other.values)
    assert math.isclose(float(one.values.float().std()), 1.0, abs_tol=0.1)
    torch.testing.assert_close(one.keys, other.keys, atol=1e-5 if dtype == torch.float32 else 2**-6, rtol=0)
