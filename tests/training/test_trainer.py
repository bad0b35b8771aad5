"""A model learns a passage through its compressions, alone and from its own full cache."""

import math
import random
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div

from freqkv_cli.kvcache.cache import FreqkvCache
from freqkv_cli.kvcache.geometry import Geometry
from freqkv_cli.training.lora import lora_weights
from freqkv_cli.training.recipe import Recipe
from freqkv_cli.training.sequences import Sample, make_sample
from freqkv_cli.training.trainer import Trainer
from freqkv_cli.training.unrolling import Unrolling
from tests.training.learning import TOKENS, cache_maker, learning_model, some_ids, unrolled


class Fixed:
    """The same samples for every step."""

    def __init__(self, samples: list[Sample]) -> None:
        self._samples = samples

    def take(self, number: int) -> Sample:
        return self._samples[number % len(self._samples)]


def trainer_of(model: Any, windows: Tensor, **recipe: Any) -> Trainer:
    samples: Any = Fixed([make_sample(window) for window in windows])
    return Trainer(unrolled(model), Recipe(length=TOKENS, **recipe), samples)


def step(trainer: Trainer, number: int) -> tuple[float, int]:
    """Measure and move."""
    measured = trainer.measure(number)
    trainer.move(number)
    return measured


def test_fifty_steps_on_one_passage_halve_its_loss() -> None:
    model = learning_model(awake=False, layers=1)
    made: list[FreqkvCache] = []
    make = cache_maker(model, Geometry(32, 2))

    def remembered() -> FreqkvCache:
        made.append(make())
        return made[-1]

    samples: Any = Fixed([make_sample(some_ids(TOKENS + 1)[0])])
    unrolling = Unrolling(model, remembered)
    trainer = Trainer(unrolling, Recipe(length=TOKENS, rate=3e-2, warmup=0, steps=50), samples)
    first, tokens = step(trainer, 0)
    assert tokens == TOKENS
    assert max(cache.compressions for cache in made) >= 3
    for number in range(1, 50):
        last, _ = step(trainer, number)
    assert last < first / 2


def test_only_lora_matrices_learn() -> None:
    model = learning_model(awake=False)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    step(trainer_of(model, some_ids(TOKENS + 1), rate=1e-2, warmup=0), 0)
    changed = {name for name, weight in model.state_dict().items() if not torch.equal(weight, before[name])}
    assert changed
    assert all(".lora_B." in name for name in changed)  # the first step moves those that were zero


def test_new_matrices_change_nothing() -> None:
    ids = some_ids()
    with torch.no_grad():
        assert torch.equal(learning_model(awake=False)(ids).logits, learning_model(lora=False)(ids).logits)


def loss_by_hand(model: Any, ids: Tensor, targets: Tensor) -> Tensor:
    """The loss of each target with all logits at once."""
    hidden = torch.cat([hidden for _, hidden in unrolled(model).run(ids[None])], dim=1)
    return cross_entropy(model.get_output_embeddings()(hidden)[0], targets, reduction="none")


def gradients(model: Any) -> list[Tensor]:
    return [weight.grad.clone() for _, weight in lora_weights(model) if weight.grad is not None]


def test_a_batch_is_the_mean_of_its_sequences() -> None:
    model, windows = learning_model(), some_ids(TOKENS + 1, rows=3)
    means = torch.stack([loss_by_hand(model, window[:-1], window[1:]).mean() for window in windows])
    means.mean().backward()
    expected = gradients(model)
    loss, tokens = trainer_of(model, windows, batch=3).measure(0)
    assert tokens == 3 * TOKENS
    assert loss == pytest.approx(means.mean().item(), rel=1e-5)
    for one, other in zip(gradients(model), expected, strict=True):
        assert one.abs().sum() > 0
        assert torch.allclose(one, other, rtol=1e-3, atol=1e-6)


def test_weights_of_targets_count() -> None:
    model, window = learning_model(), some_ids(TOKENS + 1)[0]
    weights = torch.tensor([random.Random(5).choice((0.0, 1.0, 8.0)) for _ in window])
    with torch.no_grad():
        each = loss_by_hand(model, window[:-1], window[1:])
        loss = float(trainer_of(model, window[None]).loss(make_sample(window, weights)))
    assert loss == pytest.approx(float((each * weights[1:]).sum()), rel=1e-5)


def test_the_teacher_is_the_model_without_lora_and_with_its_full_cache() -> None:
    model, window = learning_model(), some_ids(TOKENS + 1)[0]
    head, trainer = model.get_output_embeddings(), trainer_of(model, window[None], objective="distill")
    hidden = torch.cat([hidden for _, hidden in trainer.unrolling.run(window[None, :-1])], dim=1)
    student = head(hidden)[0].log_softmax(-1)
    with torch.no_grad():
        teacher = learning_model(lora=False, awake=False)(window[None, :-1]).logits[0].log_softmax(-1)
    forward, reverse = (
        kl_div(one, other, reduction="batchmean", log_target=True)
        for one, other in ((student, teacher), (teacher, student))
    )
    expected = (forward + reverse) / 2
    expected.backward()
    wanted = gradients(model)
    loss, _ = trainer.measure(0)
    assert loss == pytest.approx(expected.item(), rel=1e-5)
    for one, other in zip(gradients(model), wanted, strict=True):
        assert one.abs().sum() > 0
        assert torch.allclose(one, other, rtol=1e-3, atol=1e-6)


def test_a_distilled_student_comes_closer_to_its_teacher() -> None:
    model = learning_model(awake=False)
    trainer = trainer_of(model, some_ids(TOKENS + 1), objective="distill", rate=2e-2, warmup=0, decay=0.0)
    losses = [step(trainer, number)[0] for number in range(8)]
    assert losses[-1] < 0.7 * losses[0]


def test_validation_is_the_next_token_loss_whatever_the_objective_and_leaves_no_gradient() -> None:
    model, window = learning_model(), some_ids(TOKENS + 1)[0]
    ((nats, count),) = trainer_of(model, window[None], objective="distill").validate([make_sample(window)])
    assert count == TOKENS
    assert nats == pytest.approx(loss_by_hand(model, window[:-1], window[1:]).sum().item(), rel=1e-5)
    assert gradients(model) == []


def test_learning_rate_rises_stays_and_falls() -> None:
    recipe = Recipe(rate=1.0 - 1e-9, warmup=10, steps=100, decay=0.2)
    rates = [recipe.learning_rate(step) for step in range(100)]
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:80] == pytest.approx([1.0] * 70)
    assert rates[80:] == sorted(rates[80:], reverse=True)
    assert 0 < rates[99] < 0.06
    assert math.isclose(Recipe(rate=0.5, warmup=0, decay=0.0).learning_rate(499), 0.5)
