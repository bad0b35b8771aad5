"""What a model is to learn, as a loss on its hidden states; logits of a whole sequence never exist at once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.utils.checkpoint import checkpoint

ROWS = 512  # hidden states whose logits exist at a time


@dataclass(frozen=True, slots=True)
class Head:
    """The frozen last layer of a causal LM: hidden states become logits in fp32."""

    layer: Any
    scale: float = 1.0

    @classmethod
    def of(cls, model: Any) -> "Head":
        """Return the head of a supported model; Granite's divides its logits."""
        return cls(model.get_output_embeddings(), 1.0 / getattr(model.config, "logits_scaling", 1.0))

    def logits(self, hidden: Tensor) -> Tensor:
        """[rows, width] -> [rows, vocabulary]"""
        logits: Tensor = self.layer(hidden).float()
        return logits if self.scale == 1.0 else logits * self.scale


def next_token_losses(head: Head, hidden: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of each target [rows] in nats, [rows]."""
    return cross_entropy(head.logits(hidden), targets, reduction="none")


def distill_losses(head: Head, hidden: Tensor, taught: Tensor, reverse: float) -> Tensor:
    """KL divergence of each row in nats, [rows], between this model and its teacher, whose hidden states are `taught`.

    (1 - reverse) * KL(teacher || student) + reverse * KL(student || teacher), after KV-Distill (arXiv 2503.10337).
    """
    student = head.logits(hidden).log_softmax(-1)
    with torch.no_grad():
        teacher = head.logits(taught).log_softmax(-1)
    gap = teacher - student
    forward = (teacher.exp() * gap).sum(-1)
    backward = -(student.exp() * gap).sum(-1)
    return (1 - reverse) * forward + reverse * backward


def weighted_loss(
    losses_of: Callable[[Tensor, Tensor], Tensor], hidden: Tensor, weights: Tensor, rows: int = ROWS
) -> Tensor:
    """The sum of weighted losses of hidden states [n, width], weights [n].

    `losses_of(rows of hidden, their numbers)` is called for a few rows at a time, and again in the backward pass, so
    that no logits wait for it. Rows of weight 0 are left out.
    """
    total = hidden[:0].sum(dtype=torch.float32)
    for place in weights.nonzero().squeeze(-1).split(rows):
        losses: Tensor = checkpoint(losses_of, hidden[place], place, use_reentrant=False, preserve_rng_state=False)
        total = total + (losses * weights[place]).sum()
    return total
