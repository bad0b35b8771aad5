"""What a model is to learn, as a loss on its hidden states; logits of a whole sequence never exist at once."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.utils.checkpoint import checkpoint

Losses = Callable[[Tensor, Tensor], Tensor]  # of hidden states, given what is wanted of each
ROWS = 512  # hidden states whose logits exist at a time


def logits_of(model: Any, hidden: Tensor) -> Tensor:
    """[rows, width] -> [rows, vocabulary], in fp32 (fp64 for fp64 `hidden`)."""
    logits = model.get_output_embeddings()(hidden)
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    scaled: Tensor = logits / getattr(model.config, "logits_scaling", 1.0)  # Granite's
    return scaled


def next_token_losses(model: Any, hidden: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of each target [rows] in nats, [rows]."""
    return cross_entropy(logits_of(model, hidden), targets, reduction="none")


def distill_losses(model: Any, hidden: Tensor, taught: Tensor) -> Tensor:
    """How far each row is from its teacher's, `taught` [rows, width], in nats, [rows]: the loss of KV-Distill (arXiv
    2503.10337), KL(teacher || student) and KL(student || teacher), here in equal parts.
    """
    student, teacher = (logits_of(model, rows).log_softmax(-1) for rows in (hidden, taught))
    return ((teacher.exp() - student.exp()) * (teacher - student)).sum(-1) / 2


def weighted_loss(losses_of: Losses, hidden: Tensor, wanted: Tensor, weights: Tensor, rows: int = ROWS) -> Tensor:
    """The sum of weighted losses of hidden states [n, width], of what is wanted of each [n, ...], weights [n].

    Logits are worked out for a few rows at a time, and again in the backward pass, so that none wait for it. Rows of
    weight 0 are left out.
    """
    total = hidden[:0].sum(dtype=torch.float32)
    for place in weights.nonzero().squeeze(-1).split(rows):
        losses: Tensor = checkpoint(
            losses_of, hidden[place], wanted[place], use_reentrant=False, preserve_rng_state=False
        )
        total = total + (losses * weights[place]).sum()
    return total
