"""One step after another: the model, what it learns from, and where it stands."""

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from freqkv_cli.training.lora import lora_weights, without_lora
from freqkv_cli.training.objectives import Head, distill_losses, next_token_losses, weighted_loss
from freqkv_cli.training.recipe import Recipe
from freqkv_cli.training.sequences import Sample, Samples
from freqkv_cli.training.unrolling import Unrolling

CLIP = 1.0  # the longest gradient


@dataclass(frozen=True, slots=True)
class Position:
    """How far a run is: steps done, tokens they held, seconds they took.

    The held-out text was last measured after step `validated`, and before the first one.
    """

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    validated: int | None = None
    validation: float | None = None
    validation_before: float | None = None


@dataclass(slots=True)
class Trainer:
    """Learns from `samples` by `recipe`; what learns are the LoRA matrices of `unrolling.model` and nothing else."""

    unrolling: Unrolling
    recipe: Recipe
    samples: Samples
    optimizer: torch.optim.AdamW = field(init=False)
    head: Head = field(init=False)

    def __post_init__(self) -> None:
        weights = [weight for _, weight in lora_weights(self.model)]
        self.optimizer = torch.optim.AdamW(weights, lr=self.recipe.rate, weight_decay=0.0)
        self.head = Head.of(self.model)

    @property
    def model(self) -> Any:
        """The model that learns."""
        return self.unrolling.model

    def measure(self, number: int) -> tuple[float, int]:
        """Find the gradient of step `number`, from 0; return the mean loss per token, and how many tokens there are."""
        recipe = self.recipe
        first = number * recipe.batch
        samples = [self.samples.take(place) for place in range(first, first + recipe.batch)]
        total = float(sum(sample.weights.sum() for sample in samples)) or 1.0
        self.optimizer.zero_grad()
        loss = 0.0
        for start in range(0, recipe.batch, recipe.parallel):
            part = self.loss(samples[start : start + recipe.parallel]) / total
            part.backward()
            loss += float(part.detach())
        return loss, sum(int((sample.weights > 0).sum()) for sample in samples)

    def move(self, number: int) -> None:
        """Change the weights by the gradient of step `number`. Whoever can be interrupted calls this shielded."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.learning_rate(number)
        torch.nn.utils.clip_grad_norm_((weight for _, weight in lora_weights(self.model)), CLIP)
        self.optimizer.step()

    def loss(self, samples: Sequence[Sample], *, plain: bool = False) -> Tensor:
        """The sum of weighted losses of samples of one length; the objective's, or the next token's if `plain`."""
        ids = self._stacked([sample.ids for sample in samples])
        targets = self._stacked([sample.targets for sample in samples])
        weights = self._stacked([sample.weights for sample in samples])
        distill = self.recipe.objective == "distill" and not plain
        taught = self._teach(ids) if distill else None
        losses = []
        for start, hidden in self.unrolling.run(ids):
            place = slice(start, start + hidden.shape[1])
            losses.append(self._chunk_loss(hidden, targets[:, place], weights[:, place], taught, place))
        return torch.stack(losses).sum()

    @torch.no_grad()
    def validate(self, samples: Sequence[Sample]) -> Iterator[tuple[float, float]]:
        """Yield, for each held-out sequence, the sum of its next-token losses (nats) and the number of its targets."""
        for sample in samples:
            yield float(self.loss([sample], plain=True)), float(sample.weights.sum())

    def _chunk_loss(
        self, hidden: Tensor, targets: Tensor, weights: Tensor, taught: Tensor | None, place: slice
    ) -> Tensor:
        head, wanted = self.head, targets.flatten()
        if taught is None:
            return weighted_loss(
                lambda part, rows: next_token_losses(head, part, wanted[rows]), hidden.flatten(0, 1), weights.flatten()
            )
        teacher, reverse = taught[:, place].flatten(0, 1), self.recipe.reverse
        return weighted_loss(
            lambda part, rows: distill_losses(head, part, teacher[rows], reverse),
            hidden.flatten(0, 1),
            weights.flatten(),
        )

    @torch.no_grad()
    def _teach(self, ids: Tensor) -> Tensor:
        """Hidden states of the untouched model with all of the sequence before it, [batch, tokens, width]."""
        with without_lora(self.model):
            hidden: Tensor = self.model.base_model(input_ids=ids, use_cache=False).last_hidden_state
        return hidden

    def _stacked(self, rows: list[Tensor]) -> Tensor:
        return torch.stack(rows).to(self.model.get_input_embeddings().weight.device)


@contextmanager
def shielded() -> Iterator[None]:
    """Let an interrupt (Ctrl-C, SIGTERM) wait until what is being done is done whole."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[tuple[int, Any]] = []
    handlers: dict[int, Any] = {signum: signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM)}
    for signum in handlers:
        signal.signal(signum, lambda *signalled: came.append(signalled))
    try:
        yield
    finally:
        for signum, handler in handlers.items():
            signal.signal(signum, handler)
    for signum, frame in came[:1]:
        handler = handlers[signum]
        if callable(handler):
            handler(signum, frame)
        elif handler is signal.SIG_DFL:
            signal.raise_signal(signum)
