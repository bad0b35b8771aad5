"""What every policy promises, and what each one is for; rows are followed by what is written into them."""

import copy
import math
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from freqkv_cli.config import choices
from freqkv_cli.kvcache.geometry import Geometry
from freqkv_cli.kvcache.policies import make_policy
from freqkv_cli.kvcache.policies.adaptive import LEAST, MOST
from freqkv_cli.kvcache.policy import Attended, CompressionContext, ElasticPolicy, SelectingPolicy
from tests.kvcache.reading import new_cache, random_ids, read_logits
from tests.oracle import dbudget
from tests.tiny_models import tiny_model

NAMES = [name for name in choices("policy") if make_policy(name).evicts]
PICKING = ["window", "stride", "keydiff", "morph", "landmarks", "adaptive"]  # what they keep is verbatim
AVERAGING = ["freqkv", "pool", "uniform"]
SIZES = [(16, 8), (17, 8), (31, 5), (10, 9), (9, 1), (64, 32)]


@pytest.fixture(scope="module")
def model() -> PreTrainedModel:
    return tiny_model("llama")


def rows_of(rows: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    source = torch.Generator().manual_seed(seed)
    return torch.randn(1, 2, rows, 6, generator=source), torch.randn(1, 2, rows, 6, generator=source)


def numbered(rows: int) -> Tensor:
    """Values that say which row they are."""
    return torch.arange(rows, dtype=torch.float32).view(1, 1, rows, 1).expand(1, 2, rows, 6).contiguous()


def test_every_policy_is_either_picking_or_averaging() -> None:
    assert sorted(PICKING + AVERAGING) == sorted(NAMES)
    assert [name for name in choices("policy") if name not in NAMES] == ["full"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("rows", "length"), SIZES)
def test_as_many_rows_as_asked_for(name: str, rows: int, length: int) -> None:
    keys, values = make_policy(name).compress(*rows_of(rows), length)
    assert keys.shape == values.shape == (1, 2, length, 6)
    assert torch.isfinite(keys).all()


@pytest.mark.parametrize("name", AVERAGING)
@pytest.mark.parametrize(("rows", "length"), SIZES)
def test_averages_keep_constants(name: str, rows: int, length: int) -> None:
    keys, _ = rows_of(rows)
    constant = torch.full_like(keys, 1.25)
    new_keys, new_values = make_policy(name).compress(constant, constant, length, CompressionContext(rows // 3, 50))
    torch.testing.assert_close(new_keys, constant[..., :length, :])
    torch.testing.assert_close(new_values, constant[..., :length, :])


@pytest.mark.parametrize("name", PICKING)
@pytest.mark.parametrize(("rows", "length"), SIZES)
def test_picked_rows_are_verbatim_and_in_the_order_of_time(name: str, rows: int, length: int) -> None:
    keys, _ = rows_of(rows)
    attention = torch.rand(1, 2, rows, generator=torch.Generator().manual_seed(3))
    new_keys, new_values = make_policy(name).compress(
        keys, numbered(rows), length, CompressionContext(attention=attention)
    )
    for head in range(2):
        kept = new_values[0, head, :, 0].long()
        assert (kept.diff() > 0).all()
        assert torch.equal(new_keys[0, head], keys[0, head, kept])


@pytest.mark.parametrize("name", NAMES)
def test_time_goes_on(name: str) -> None:
    """Whatever is kept or averaged, rows stay in order: values that rise along the sequence still rise."""
    keys, _ = rows_of(48)
    smooth = torch.cos(math.pi * (torch.arange(48) + 0.5) / 48).view(1, 1, 48, 1).expand(1, 2, 48, 6)
    _, values = make_policy(name).compress(keys, -smooth, 24)
    assert (values.diff(dim=-2) > 0).all()


@pytest.mark.parametrize("name", NAMES)
def test_gradients_flow(name: str) -> None:
    keys, values = (x.requires_grad_() for x in rows_of(12))
    new_keys, new_values = make_policy(name).compress(keys, values, 6)
    (new_keys.sum() + new_values.square().sum()).backward()
    assert keys.grad is not None
    assert values.grad is not None
    assert values.grad.abs().sum() > 0


# --- each in the cache ---


@pytest.mark.parametrize("name", NAMES)
@torch.no_grad()
def test_sinks_and_recent_tokens_stay(model: PreTrainedModel, name: str) -> None:
    geometry = Geometry(40, 4, 6, 0.5)
    cache = new_cache(model, geometry, name)
    read(model, cache, random_ids(40))
    before = [(layer.keys.clone(), layer.values.clone()) for layer in cache.layers]
    cache.make_room()
    end = cache.length - 6
    for layer, (keys, values) in zip(cache.layers, before, strict=True):
        assert layer.get_seq_length() == cache.length < 40
        assert torch.equal(layer.keys[..., :4, :], keys[..., :4, :])
        assert torch.equal(layer.values[..., :4, :], values[..., :4, :])
        assert torch.equal(layer.values[..., -6:, :], values[..., -6:, :])
        recent = cache.rotation.unrotate(layer.keys[..., -6:, :], end)
        torch.testing.assert_close(recent, cache.rotation.unrotate(keys[..., -6:, :], 34), atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", NAMES)
def test_results_depend_on_tokens_not_on_chunks(name: str) -> None:
    """In double precision: in single, rounding can turn the order of two scores that are nearly equal."""
    model, ids = tiny_model("llama").double(), random_ids(150)
    whole = read(model, new_cache(model, Geometry(40, 4, 6, 0.5), name), ids, chunk=40)
    for cut in ({"chunk": 1}, {"chunk": 7}, {"seed": 1}):
        cache = new_cache(model, Geometry(40, 4, 6, 0.5), name)
        torch.testing.assert_close(read(model, cache, ids, **cut), whole, atol=1e-4, rtol=0)
        assert cache.compressions > 5


@pytest.mark.parametrize("name", NAMES)
def test_a_fork_reads_on_as_its_parent(model: PreTrainedModel, name: str) -> None:
    cache = new_cache(model, Geometry(40), name)
    read(model, cache, random_ids(95))
    fork = cache.fork()
    fork.make_room(20)
    first = read(model, fork, random_ids(60, 1))
    again = cache.fork()
    again.make_room(20)
    assert torch.equal(read(model, again, random_ids(60, 1)), first)
    assert fork.rows_kept == again.rows_kept


@pytest.mark.parametrize("name", NAMES)
def test_growing_and_fixed_layers_agree(name: str) -> None:
    """In double precision, for the same reason; what is compiled for single: tests/kvcache/test_compiled.py."""
    model, ids = tiny_model("llama").double(), random_ids(150)
    for ratio in (0.5, 0.9):
        geometry = Geometry(40, retain_ratio=ratio)
        fixed = read(model, new_cache(model, geometry, name), ids)
        growing = read(model, new_cache(model, geometry, name, differentiable=True), ids)
        torch.testing.assert_close(growing, fixed, atol=1e-4, rtol=0)


@torch.no_grad()
def read(model: PreTrainedModel, cache: Any, ids: list[int], **cut: Any) -> Tensor:
    """Read as the engine does, queries observed."""
    return read_logits(model, cache, ids, **cut)


# --- one by one ---


def test_stride_keeps_every_second_row_and_the_last() -> None:
    _, values = make_policy("stride").compress(numbered(10), numbered(10), 5)
    assert values[0, 0, :, 0].tolist() == [1, 3, 5, 7, 9]
    _, values = make_policy("stride").compress(numbered(10), numbered(10), 4)
    assert values[0, 0, :, 0].tolist() == [2, 4, 7, 9]


def test_pool_averages_pairs() -> None:
    _, values = make_policy("pool").compress(numbered(6), numbered(6), 3)
    assert values[0, 0, :, 0].tolist() == [0.5, 2.5, 4.5]


def test_keydiff_keeps_the_odd_ones_out() -> None:
    keys = torch.ones(1, 1, 12, 4) + 0.01 * torch.randn(1, 1, 12, 4, generator=torch.Generator().manual_seed(0))
    keys[0, 0, 3] = torch.tensor([1.0, -1.0, 1.0, -1.0])
    keys[0, 0, 8] = torch.tensor([-1.0, 1.0, 1.0, 1.0])
    _, values = make_policy("keydiff").compress(keys, numbered(12)[:, :1], 2)
    assert values[0, 0, :, 0].tolist() == [3, 8]


def test_morph_keeps_what_is_attended_to_and_does_without() -> None:
    keys, _ = rows_of(8)
    attention = torch.zeros(1, 2, 8)
    attention[0, 0, [1, 5]] = 1.0
    attention[0, 1, [0, 7]] = 1.0
    _, values = make_policy("morph").compress(keys, numbered(8), 2, CompressionContext(attention=attention))
    assert values[0, :, :, 0].tolist() == [[1, 5], [0, 7]]
    unseen = make_policy("morph").compress(keys, numbered(8), 2)[1]
    assert torch.equal(unseen, make_policy("keydiff").compress(keys, numbered(8), 2)[1])


def test_uniform_gives_every_token_the_same_weight() -> None:
    """Each token writes a one into a channel of its own; whatever the round, the columns sum to the same."""
    tokens, slots, left = 100, 16, 8
    policy = make_policy("uniform")
    held, kept, seen = torch.zeros(0, tokens), 0, 0
    while seen < tokens:
        new = torch.eye(tokens)[seen : seen + slots - len(held)]
        held, before, seen = torch.cat((held, new)), seen, seen + len(new)
        if len(held) < slots:
            break
        x = held[None, None]
        held = policy.compress(x, x, left, CompressionContext(kept, before))[1][0, 0]
        kept = left
        weights = held.sum(0)[:seen]
        torch.testing.assert_close(weights, torch.full((seen,), left / seen), atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(held.sum(1), torch.ones(left), atol=1e-5, rtol=0)
    assert seen == tokens


def test_freqkv_forgets_what_uniform_remembers() -> None:
    """The horizon: after five rounds the first token weighs a thirtieth of what it weighs in a uniform memory."""
    weights = {}
    for name in ("pool", "uniform"):
        held, seen = torch.eye(48)[:16], 16
        kept = 0
        for _ in range(5):
            x = held[None, None]
            held = make_policy(name).compress(x, x, 8, CompressionContext(kept, seen - (len(held) - kept)))[1][0, 0]
            kept = 8
            held, seen = torch.cat((held, torch.eye(48)[seen : seen + 8])), seen + 8
        weights[name] = held[:, 0].sum().item()
    assert weights["pool"] == pytest.approx(1 / 32)
    assert weights["uniform"] == pytest.approx(8 / 48, rel=1e-4)


@pytest.mark.parametrize("name", ["uniform", "keydiff", "freqkv"])
def test_the_cache_tells_what_its_rows_stand_for(model: PreTrainedModel, name: str) -> None:
    pasts: list[CompressionContext] = []
    cache = new_cache(model, Geometry(40, 4, 6, 0.5), name)
    policy: Any = cache.policy
    asked = "choose" if isinstance(policy, SelectingPolicy) else "compress"
    answer = getattr(policy, asked)

    def listen(keys: Any, values: Tensor, length: int, past: CompressionContext) -> Any:
        pasts.append(past)
        return answer(keys, values, length, past)

    setattr(policy, asked, listen)
    read(model, cache, random_ids(80))
    # 30 old rows each time; then 15 of them stand for all that was read but sinks, recent and the 15 new ones.
    assert [(past.kept, past.tokens) for past in pasts[::3]] == [(0, 0), (15, 30), (15, 45)]
    assert {past.attention for past in pasts} == {None}


def test_morph_sees_the_attention_of_the_last_queries(model: PreTrainedModel) -> None:
    """Against attention weights that transformers itself works out."""
    ids = random_ids(40)
    cache = new_cache(model, Geometry(40, 4, 0, 0.5), "morph")
    read(model, cache, ids)
    model.set_attn_implementation("eager")
    with torch.no_grad():
        weights = model(torch.tensor([ids]), output_attentions=True).attentions
    for index, layer in enumerate(cache.layers):
        expected = weights[index][0, :, -32:].mean(dim=1).view(2, 2, 40).mean(dim=1)
        seen = cache.observation.attention(index, layer.keys)
        assert seen is not None
        torch.testing.assert_close(seen[0, :, :8], expected[:, :8], atol=1e-5, rtol=1e-4)
        assert (seen[0, :, 8:] == 1).all()  # the queries' own slots
    cache.make_room()
    assert cache.observation.count(0) == 0


def test_queries_that_were_rolled_back_are_not_observed_and_those_before_them_are(model: PreTrainedModel) -> None:
    one, two = (new_cache(model, Geometry(60), "morph") for _ in range(2))
    read(model, one, random_ids(50))
    read(model, two, [*random_ids(50), 7, 8, 9])
    two.rollback(3)
    assert one.observation.count(0) == two.observation.count(0) == 32
    for layer in range(3):
        torch.testing.assert_close(one.observation.queries(layer), two.observation.queries(layer), atol=1e-5, rtol=0)
    twin = two.fork()
    read(model, two, random_ids(5, 1))
    assert torch.equal(twin.observation.queries(0), two.observation.queries(0)) is False
    torch.testing.assert_close(twin.observation.queries(0), one.observation.queries(0), atol=1e-5, rtol=0)


def test_other_policies_observe_nothing(model: PreTrainedModel) -> None:
    cache = new_cache(model, Geometry(60))
    read(model, cache, random_ids(50))
    assert cache.observation.count(0) == 0


def spread(over: int, slots: int = 64) -> Attended:
    """Of two heads, one query each, whose attention is evenly spread over the first `over` slots."""
    weights = (torch.arange(slots) < over).float().expand(1, 2, slots) / over
    return Attended(weights, weights.square())


def test_adaptive_keeps_few_rows_where_few_are_attended_to() -> None:
    policy, old = make_policy("adaptive"), slice(4, 64)
    assert isinstance(policy, ElasticPolicy)
    assert policy.choose_length([spread(4)] * 3, old) == policy.choose_length([spread(8)], old) == round(LEAST * 60)
    assert policy.choose_length([spread(8), spread(34), spread(14)], old) == 30  # of slots 4 to 33, without a tenth: 29
    assert policy.choose_length([spread(64)], old) == round(MOST * 60)


@torch.no_grad()
def test_adaptive_keeps_as_many_rows_as_dbudgetkv(model: PreTrainedModel) -> None:
    """Against attention weights that transformers itself works out, and rows dropped one by one."""
    ids, cache = random_ids(100), new_cache(model, Geometry(100, 4), "adaptive")
    sharp = copy.deepcopy(model)  # random weights attend to everything alike
    for layer in sharp.model.layers:
        layer.self_attn.q_proj.weight *= 60
    read(sharp, cache, ids)
    sharp.set_attn_implementation("eager")
    attentions = sharp(torch.tensor([ids]), output_attentions=True).attentions
    expected = dbudget([weights[0, :, -32:] for weights in attentions], 2, range(4, 100))
    assert LEAST * 96 < expected < MOST * 96
    cache.make_room()
    assert cache.rows_kept == expected
    assert {layer.get_seq_length() for layer in cache.layers} == {4 + expected}


def test_without_queries_adaptive_keeps_what_the_retain_ratio_says(model: PreTrainedModel) -> None:
    cache = new_cache(model, Geometry(40, 4), "adaptive")
    read(model, cache, random_ids(40))
    cache.observation.clear()
    cache.make_room()
    assert cache.rows_kept == 18


def test_landmarks_are_what_is_attended_to_and_what_stands_out() -> None:
    keys = torch.ones(1, 2, 40, 6) + 0.01 * rows_of(40)[0]
    odd = [[5, 17, 30], [2, 3, 39]]
    for head, rows in enumerate(odd):
        keys[0, head, rows] = -keys[0, head, rows] * torch.tensor([1.0, -1.0, 1.0, 0.5, 2.0, 1.0])
    attention = torch.zeros(1, 2, 40)
    attention[0, 0, 8] = 0.3
    attention[0, 1, 3] = 0.3  # which stands out, too
    policy = make_policy("landmarks")
    kept = policy.compress(keys, numbered(40), 4, CompressionContext(attention=attention))[1][0, :, :, 0]
    assert kept[0].tolist() == [5, 8, 17, 30]
    assert set(kept[1].tolist()) > {2, 3, 39}
    unseen = policy.compress(keys, numbered(40), 3)[1][0, :, :, 0]
    assert unseen.tolist() == odd


@pytest.mark.parametrize(("rows", "length", "before"), [(40, 20, 20), (40, 20, 0), (40, 36, 35), (9, 1, 4), (17, 3, 3)])
def test_landmarks_are_those_of_plain_lists(rows: int, length: int, before: int) -> None:
    """Row by row: a quarter by attention, then the keys with the least cosine to the mean direction, of which no more
    were kept before than half (rounded up), unless there are too few new ones.
    """
    keys = rows_of(rows, 5)[0].double()
    attention = torch.rand(1, 2, rows, generator=torch.Generator().manual_seed(6))
    context = CompressionContext(kept=before, attention=attention)
    found = make_policy("landmarks").compress(keys, numbered(rows), length, context)[1][0, :, :, 0]
    for head in range(2):
        directions = [keys[0, head, row] / keys[0, head, row].norm() for row in range(rows)]
        mean = torch.stack(directions).mean(0)
        odd = sorted(range(rows), key=lambda row: float(directions[row] @ mean))
        old = [row for row in odd if row < before]
        most = max(math.ceil(length / 2), length - (rows - before))
        looked_at = sorted(range(rows), key=lambda row: -attention[0, head, row])[: round(length / 4)]
        free = [row for row in odd if row not in looked_at and row not in old[most:]]
        assert found[head].tolist() == sorted(looked_at + free[: length - len(looked_at)])


def test_morph_keeps_the_rows_of_its_own_queries(model: PreTrainedModel) -> None:
    """They are too young to be judged by who looks at them."""
    cache = new_cache(model, Geometry(100, 4), "morph")
    read(model, cache, random_ids(100))
    before = [layer.values[..., -32:, :].clone() for layer in cache.layers]
    cache.make_room()
    for layer, values in zip(cache.layers, before, strict=True):
        assert torch.equal(layer.values[..., -32:, :], values)
