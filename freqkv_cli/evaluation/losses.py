"""The loss of every token of a text, read once through a cache."""

from array import array
from collections.abc import Generator, Sequence

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from freqkv_cli.inference.engine import Engine
from freqkv_cli.kvcache.cache import FreqkvCache


@torch.inference_mode()
def read_losses(engine: Engine, cache: FreqkvCache, ids: Sequence[int]) -> Generator[int, None, "array[float]"]:
    """Read `ids` chunk by chunk, yielding the size of each.

    Returns minus the natural logarithm of the probability of each token but the first, given all before it.
    """
    losses, done = array("d"), 0
    before: Tensor | None = None  # the logits after the last token of the chunk before
    while done < len(ids):
        cache.make_room()
        chunk = list(ids[done : done + min(engine.chunk, cache.room)])
        logits = engine.run(cache, chunk, len(chunk)).float()
        told = logits[:-1] if before is None else torch.cat((before, logits[:-1]))
        targets = torch.tensor(chunk[len(chunk) - len(told) :], dtype=torch.long, device=logits.device)
        losses.extend(cross_entropy(told, targets, reduction="none").tolist())
        before = logits[-1:]
        done += len(chunk)
        yield len(chunk)
    return losses
