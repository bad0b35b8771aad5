"""Losses from hidden states alone: the head of every architecture, and gradients that need no logits later."""

from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch.nn.functional import cross_entropy, kl_div

from freqkv_cli.models.support import SUPPORTED
from freqkv_cli.training.loss import distill_losses, next_token_losses, weighted_loss
from tests.tiny_models import tiny_model
from tests.training.learning import some_ids


def headed(head: torch.nn.Linear, scaling: float = 1.0) -> Any:
    """A model that is its last layer alone."""
    return SimpleNamespace(get_output_embeddings=lambda: head, config=SimpleNamespace(logits_scaling=scaling))


@pytest.mark.parametrize("kind", SUPPORTED)
def test_losses_are_those_of_the_models_own_logits(kind: str) -> None:
    more: dict[str, Any] = {"logits_scaling": 4.0} if kind == "granite" else {}
    model, ids = tiny_model(kind, layers=1, **more), some_ids(9)
    with torch.no_grad():
        hidden = model.base_model(ids, use_cache=False).last_hidden_state[0, :-1]
        expected = cross_entropy(model(ids).logits[0, :-1], ids[0, 1:], reduction="none")
        assert torch.allclose(next_token_losses(model, hidden, ids[0, 1:]), expected, atol=1e-5)


def test_distillation_is_the_mean_of_the_divergence_from_the_teacher_and_towards_it() -> None:
    generator = torch.Generator().manual_seed(0)
    model = headed(torch.nn.Linear(6, 11, bias=False).double().requires_grad_(False), 2.0)
    hidden, taught = torch.randn(2, 7, 6, generator=generator, dtype=torch.float64)
    student, teacher = ((model.get_output_embeddings()(rows) / 2.0).log_softmax(-1) for rows in (hidden, taught))
    forward = kl_div(student, teacher, reduction="none", log_target=True).sum(-1)  # KL(teacher || student)
    reverse = kl_div(teacher, student, reduction="none", log_target=True).sum(-1)
    assert not torch.allclose(forward, reverse, rtol=0.01)
    assert torch.allclose(distill_losses(model, hidden, taught), (forward + reverse) / 2)
    assert torch.autograd.gradcheck(lambda rows: distill_losses(model, rows, taught), hidden.requires_grad_())


def test_the_gradient_of_a_few_rows_at_a_time_is_the_gradient() -> None:
    generator = torch.Generator().manual_seed(0)
    model = headed(torch.nn.Linear(6, 11, bias=False).double().requires_grad_(False), 2.0)
    targets = torch.randint(11, (7,), generator=generator)
    weights = torch.tensor([1.0, 0.0, 8.0, 1.0, 0.0, 2.0, 1.0], dtype=torch.float64)

    def loss(hidden: torch.Tensor) -> torch.Tensor:
        return weighted_loss(partial(next_token_losses, model), hidden, targets, weights, rows=2)

    hidden = torch.randn(7, 6, generator=generator, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(loss, hidden)
    by_hand = (next_token_losses(model, hidden, targets) * weights).sum()
    assert loss(hidden).item() == pytest.approx(by_hand.item())


def test_rows_that_do_not_count_have_no_gradient_and_nothing_is_no_loss() -> None:
    model = headed(torch.nn.Linear(4, 5, bias=False))
    hidden = torch.randn(3, 4, requires_grad=True)
    loss = weighted_loss(partial(next_token_losses, model), hidden, torch.zeros(3, dtype=torch.int64), torch.zeros(3))
    loss.backward()
    assert loss.item() == 0.0
    assert hidden.grad is not None
    assert not hidden.grad.any()
