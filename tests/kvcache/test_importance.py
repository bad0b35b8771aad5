"""Importance is the linear function that it says it is, and landmarks go by it, layer by layer."""

import pytest
import torch

from freqkv_cli.inference.engine import cache_argument
from freqkv_cli.kvcache.geometry import Geometry
from freqkv_cli.kvcache.importance import NEIGHBOURS, features, importance
from freqkv_cli.kvcache.policies import make_policy
from freqkv_cli.kvcache.policy import CompressionContext, PredictingPolicy
from freqkv_cli.kvcache.rope import SlotKeys
from tests.kvcache.reading import new_cache, random_ids
from tests.tiny_models import tiny_model

CHANNELS = 6


def random_rows(rows: int) -> tuple[torch.Tensor, torch.Tensor]:
    source = torch.Generator().manual_seed(rows)
    return torch.randn(1, 2, rows, CHANNELS, generator=source), torch.randn(1, 2, rows, CHANNELS, generator=source)


def first_value_counts(layers: int) -> torch.Tensor:
    """Functions that take the first channel of a value for importance, with the opposite sign in every second layer."""
    weights = torch.zeros(layers, 2, 2 * CHANNELS + 3)
    weights[..., CHANNELS] = 1.0
    weights[1::2] *= -1
    return weights


def test_importance_is_the_mean_over_neighbours_of_a_linear_function() -> None:
    keys, values = random_rows(20)
    weights = torch.randn(2, 2 * CHANNELS + 3, generator=torch.Generator().manual_seed(1))
    found = importance(weights, SlotKeys(keys), values)
    reach = NEIGHBOURS // 2
    for head in range(2):
        alone = [
            float(
                (weights[head, :CHANNELS] * keys[0, head, row]).sum()
                + (weights[head, CHANNELS : 2 * CHANNELS] * values[0, head, row]).sum()
                + weights[head, -3] * keys[0, head, row].square().sum().sqrt()
                + weights[head, -2] * values[0, head, row].square().sum().sqrt()
                + weights[head, -1]
            )
            for row in range(20)
        ]
        for row in range(20):
            near = alone[max(0, row - reach) : row + reach + 1]
            torch.testing.assert_close(float(found[0, head, row]), sum(near) / len(near), atol=1e-4, rtol=1e-4)


def test_features_have_no_gradient() -> None:
    keys, values = (x.requires_grad_() for x in random_rows(4))
    assert not features(keys, values).requires_grad


def test_landmarks_keep_what_their_layer_finds_important() -> None:
    keys, values = random_rows(30)
    values[0, :, 10:15, 0] = 40.0
    values[0, :, 20:25, 0] = -40.0
    policy = make_policy("landmarks", first_value_counts(2))
    for layer, wanted in ((0, range(10, 15)), (1, range(20, 25))):
        kept = policy.compress(keys, values, 5, CompressionContext(layer=layer))[1]
        assert torch.equal(kept, values[:, :, list(wanted)])


@pytest.mark.parametrize(("kept", "old"), [(20, 6), (28, 10), (5, 5), (0, 0)])
def test_what_was_kept_before_leaves_room_for_what_is_new(kept: int, old: int) -> None:
    keys, values = random_rows(30)
    values[0, :, :kept, 0] += 40.0  # whatever is old is more important than whatever is new
    policy = make_policy("landmarks", first_value_counts(2))
    rows = policy.compress(keys, values, 12, CompressionContext(kept=kept))[1]
    assert ((rows[..., 0] > 20).sum(-1) == old).all()


def test_of_what_was_kept_before_the_most_important_stays() -> None:
    keys, values = random_rows(30)
    values[0, :, :20, 0] += 40.0
    values[0, :, 3:9, 0] += 1000.0
    policy = make_policy("landmarks", first_value_counts(2))
    rows = policy.compress(keys, values, 12, CompressionContext(kept=20))[1]
    assert torch.equal(rows[..., :6, :], values[..., 3:9, :])


def test_only_landmarks_have_importance() -> None:
    assert isinstance(make_policy("landmarks"), PredictingPolicy)
    assert not any(isinstance(make_policy(name), PredictingPolicy) for name in ("freqkv", "window", "morph"))


@torch.no_grad()
def test_a_cache_names_the_layer() -> None:
    model = tiny_model("llama")
    cache = new_cache(model, Geometry(40, 4, 6, 0.5), "window")
    asked: list[int] = []

    class Asking(type(cache.policy)):  # type: ignore[misc]
        def choose(self, keys, values, length, past):  # type: ignore[no-untyped-def]
            asked.append(past.layer)
            return super().choose(keys, values, length, past)

    cache.policy = Asking()
    model(torch.tensor([random_ids(40)]), use_cache=True, **{cache_argument(model): cache})
    cache.make_room()
    assert asked == list(range(model.config.num_hidden_layers))
