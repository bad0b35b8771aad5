"""Counts the bytes of all tensors that are held at once, so that a peak is the same on every machine."""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode


class HeldBytes(TorchDispatchMode):
    """`peak`: the most bytes that were held after any operation of torch, of tensors that an operation met."""

    def __init__(self) -> None:
        super().__init__()
        self.peak = 0
        self._held: dict[int, tuple[StorageWeakRef, int]] = {}
        self._total = 0  # of what is held, and of what has gone since the last look

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in _tensors((*args, result)):
            if tensor.device.type == "cpu":
                storage = tensor.untyped_storage()
                if storage._cdata not in self._held:
                    self._held[storage._cdata] = StorageWeakRef(storage), storage.nbytes()
                    self._total += storage.nbytes()
        if self._total > self.peak:
            self._held = {key: one for key, one in self._held.items() if not one[0].expired()}
            self._total = sum(size for _, size in self._held.values())
            self.peak = max(self.peak, self._total)
        return result


def _tensors(values: Iterable[Any]) -> Iterator[torch.Tensor]:
    """The tensors among arguments and results, and in their lists."""
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from (one for one in value if isinstance(one, torch.Tensor))
