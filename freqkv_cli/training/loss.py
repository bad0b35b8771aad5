"""The loss of the next token, from hidden states; logits of a whole sequence never exist at once."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.utils.checkpoint import checkpoint

ROWS = 512  # hidden states whose logits exist at a time


def next_token_losses(model: Any, hidden: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of each target [rows] in nats, [rows], in fp32 (fp64 for fp64 `hidden`, [rows, width])."""
    logits = model.get_output_embeddings()(hidden)
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    scaling = getattr(model.config, "logits_scaling", 1.0)  # Granite's
    return cross_entropy(logits / scaling, targets, reduction="none")


def weighted_loss(model: Any, hidden: Tensor, targets: Tensor, weights: Tensor, rows: int = ROWS) -> Tensor:
    """The sum of weighted losses of hidden states [n, width], targets [n], weights [n].

    Logits are worked out for a few rows at a time, and again in the backward pass, so that none wait for it. Rows of
    weight 0 are left out.
    """
    total = hidden[:0].sum(dtype=torch.float32)
    for place in weights.nonzero().squeeze(-1).split(rows):
        losses: Tensor = checkpoint(
            next_token_losses, model, hidden[place], targets[place], use_reentrant=False, preserve_rng_state=False
        )
        total = total + (losses * weights[place]).sum()
    return total
