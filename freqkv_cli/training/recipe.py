"""What makes a training run: with the same recipe, texts and model, every step is the same."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Objective = Literal["next-token", "distill"]
# What may change when a run goes on: how long it is, what is kept in memory, when it is looked at.
MAY_CHANGE = ("steps", "checkpoint_chunks", "validate_every", "save_every")


@dataclass(frozen=True, slots=True)
class Recipe:
    """Sizes are tokens; `batch` is sequences per step.

    objective: what is learnt; see loss.py.
    retrieval: the share of sequences with generated facts and questions about them.
    importance: sequences that are read to learn what is worth keeping, by policies that go by it.
    warmup: steps of rising learning rate; decay: the share of the steps, at the end, over which it falls to zero.
    """

    objective: Objective = "next-token"
    length: int = 2048
    retrieval: float = 0.0
    importance: int = 40
    batch: int = 1
    steps: int = 500
    rate: float = 2e-4
    warmup: int = 20
    decay: float = 0.2
    rank: int = 16
    seed: int = 0
    checkpoint_chunks: bool = False
    validation_sequences: int = 4
    validate_every: int = 50
    save_every: int = 50

    def learning_rate(self, step: int) -> float:
        """The rate of a step, counted from 0: it rises, stays, and falls to zero in the last `decay` of the steps."""
        rise = min(1.0, (step + 1) / (self.warmup + 1))
        falling = self.decay * self.steps
        fall = min(1.0, (self.steps - step) / (falling + 1)) if falling else 1.0
        return self.rate * rise * fall

    def lasting(self) -> dict[str, Any]:
        """All that must stay the same when the run goes on, as a JSON object."""
        return {name: value for name, value in asdict(self).items() if name not in MAY_CHANGE}
