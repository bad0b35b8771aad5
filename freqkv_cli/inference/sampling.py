"""How the next token is chosen: greedy by default, so that runs repeat; transformers' own processors for the rest."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from transformers.generation.logits_process import LogitsProcessorList


@dataclass(frozen=True, slots=True)
class Sampling:
    """temperature 0 is greedy; top_k 0, top_p 1, min_p 0 and repetition_penalty 1 mean "off"; seed None is random."""

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    seed: int | None = None

    @property
    def is_plain(self) -> bool:
        """Whether the token with the highest logit is picked, whatever was picked before."""
        return self.temperature == 0.0 and self.repetition_penalty == 1.0


@dataclass(slots=True)
class Sampler:
    """Picks token after token of one answer. The repetition penalty looks at the answer alone, not at the document."""

    sampling: Sampling
    picked: list[int] = field(default_factory=list)
    _processors: "LogitsProcessorList | None" = field(init=False)
    _generator: torch.Generator = field(init=False)

    def __post_init__(self) -> None:
        self._generator = torch.Generator()
        if self.sampling.seed is not None:
            self._generator.manual_seed(self.sampling.seed)
        else:
            self._generator.seed()
        self._processors = None if self.sampling.is_plain else _processors(self.sampling)

    def pick(self, logits: Tensor) -> int:
        """Choose one token id from `logits`, [vocabulary], and remember it."""
        token = self.choose(logits)
        self.picked.append(token)
        return token

    def choose(self, logits: Tensor) -> int:
        """Choose one token id from `logits`, [vocabulary], after what was `picked`."""
        scores = logits.float().unsqueeze(0)
        if self._processors is not None:
            seen = torch.tensor([self.picked], dtype=torch.long, device=scores.device)
            scores = self._processors(seen, scores)
        if self.sampling.temperature == 0.0:
            return int(scores[0].argmax())
        # On the CPU, so that one seed gives one answer wherever the model runs.
        shares = torch.softmax(scores[0], dim=-1).cpu()
        return int(torch.multinomial(shares, 1, generator=self._generator))


def _processors(sampling: Sampling) -> "LogitsProcessorList":
    from transformers.generation.logits_process import (
        LogitsProcessorList,
        MinPLogitsWarper,
        RepetitionPenaltyLogitsProcessor,
        TemperatureLogitsWarper,
        TopKLogitsWarper,
        TopPLogitsWarper,
    )

    chain = LogitsProcessorList()
    if sampling.repetition_penalty != 1.0:
        chain.append(RepetitionPenaltyLogitsProcessor(sampling.repetition_penalty))
    if sampling.temperature == 0.0:
        return chain
    if sampling.temperature != 1.0:
        chain.append(TemperatureLogitsWarper(sampling.temperature))
    if sampling.top_k > 0:
        chain.append(TopKLogitsWarper(sampling.top_k))
    if sampling.top_p < 1.0:
        chain.append(TopPLogitsWarper(sampling.top_p))
    if sampling.min_p > 0.0:
        chain.append(MinPLogitsWarper(sampling.min_p))
    return chain
