"""Losses from hidden states alone: the head of every architecture, and gradients that need no logits later."""

from typing import Any

import pytest
import torch

from freqkv_cli.models.support import SUPPORTED
from freqkv_cli.training.objectives import Head, next_token_losses, weighted_loss
from tests.tiny_models import tiny_model
from tests.training.learning import some_ids


@pytest.mark.parametrize("kind", SUPPORTED)
def test_head_gives_the_models_own_logits(kind: str) -> None:
    more: dict[str, Any] = {"logits_scaling": 4.0} if kind == "granite" else {}
    model, ids = tiny_model(kind, layers=1, **more), some_ids(9)
    with torch.no_grad():
        logits = Head.of(model).logits(model.base_model(ids, use_cache=False).last_hidden_state)
        assert torch.allclose(logits, model(ids).logits, atol=1e-5)


def test_the_gradient_of_a_few_rows_at_a_time_is_the_gradient() -> None:
    generator = torch.Generator().manual_seed(0)
    head = Head(torch.nn.Linear(6, 11, bias=False).double().requires_grad_(False), 0.5)
    targets = torch.randint(11, (7,), generator=generator)
    weights = torch.tensor([1.0, 0.0, 8.0, 1.0, 0.0, 2.0, 1.0], dtype=torch.float64)

    class Exact(Head):
        def logits(self, hidden: torch.Tensor) -> torch.Tensor:
            return self.layer(hidden) * self.scale

    exact = Exact(head.layer, head.scale)

    def loss(hidden: torch.Tensor) -> torch.Tensor:
        return weighted_loss(lambda part, rows: next_token_losses(exact, part, targets[rows]), hidden, weights, rows=2)

    hidden = torch.randn(7, 6, generator=generator, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(loss, hidden)
    by_hand = (next_token_losses(exact, hidden, targets) * weights).sum()
    assert loss(hidden).item() == pytest.approx(by_hand.item())


def test_rows_that_do_not_count_have_no_gradient_and_nothing_is_no_loss() -> None:
    head = Head(torch.nn.Linear(4, 5, bias=False))
    hidden = torch.randn(3, 4, requires_grad=True)
    loss = weighted_loss(
        lambda part, rows: next_token_losses(head, part, torch.zeros(len(rows), dtype=torch.int64)),
        hidden,
        torch.zeros(3),
    )
    loss.backward()
    assert loss.item() == 0.0
    assert hidden.grad is not None
    assert not hidden.grad.any()
