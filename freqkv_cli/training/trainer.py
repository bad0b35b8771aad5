"""One step after another: the model, what it learns from, and where it stands."""

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor

from freqkv_cli.training.lora import lora_weights
from freqkv_cli.training.loss import distill_losses, next_token_losses, weighted_loss
from freqkv_cli.training.recipe import Objective, Recipe
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

    def __post_init__(self) -> None:
        weights = [weight for _, weight in lora_weights(self.model)]
        self.optimizer = torch.optim.AdamW(weights, lr=self.recipe.rate, weight_decay=0.0)

    @property
    def model(self) -> Any:
        """The model that learns."""
        return self.unrolling.model

    def measure(self, number: int) -> tuple[float, int]:
        """Find the gradient of step `number`, from 0; return the mean loss per token, and how many tokens there are."""
        first = number * self.recipe.batch
        samples = [self.samples.take(place) for place in range(first, first + self.recipe.batch)]
        total = float(sum(sample.weights.sum() for sample in samples)) or 1.0
        self.optimizer.zero_grad()
        loss = 0.0
        for sample in samples:
            part = self.loss(sample, self.recipe.objective) / total
            part.backward()
            loss += float(part.detach())
        return loss, sum(int((sample.weights > 0).sum()) for sample in samples)

    def move(self, number: int) -> None:
        """Change the weights by the gradient of step `number`. Whoever can be interrupted calls this shielded."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.learning_rate(number)
        torch.nn.utils.clip_grad_norm_((weight for _, weight in lora_weights(self.model)), CLIP)
        self.optimizer.step()

    def loss(self, sample: Sample, objective: Objective = "next-token") -> Tensor:
        """The sum of weighted losses of a sample, in nats."""
        device = self.model.get_input_embeddings().weight.device
        ids, targets, weights = (each.to(device) for each in (sample.ids, sample.targets, sample.weights))
        losses_of, wanted = partial(next_token_losses, self.model), targets
        if objective == "distill":
            losses_of, wanted = partial(distill_losses, self.model), self.teach(ids)
        losses = []
        for start, hidden in self.unrolling.run(ids[None]):
            place = slice(start, start + hidden.shape[1])
            losses.append(weighted_loss(losses_of, hidden[0], wanted[place], weights[place]))
        return torch.stack(losses).sum()

    @torch.no_grad()
    def teach(self, ids: Tensor) -> Tensor:
        """Hidden states of the teacher, [tokens, width]: the model without LoRA, which has all of `ids` in view."""
        from peft.helpers import rescale_adapter_scale

        with rescale_adapter_scale(self.model, 0.0):
            hidden: Tensor = self.model.base_model(input_ids=ids[None], use_cache=False).last_hidden_state[0]
        return hidden

    @torch.no_grad()
    def validate(self, samples: Sequence[Sample]) -> Iterator[tuple[float, float]]:
        """Yield, for each held-out sequence, the sum of its next-token losses and the number of its targets."""
        for sample in samples:
            yield float(self.loss(sample)), float(sample.weights.sum())


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
