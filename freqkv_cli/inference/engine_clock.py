"""Seconds that a device spends on parts of the work, without making the host wait for them."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def wait_for(device: torch.device) -> None:
    """Wait until `device` has done all that was handed to it; on a CPU it always has."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


class Milestone:
    """Keeps the host one piece of work ahead of a GPU, and no further: so it can make the next while this one is done,
    and what it says of the last but one is true. On other devices it does nothing.
    """

    def __init__(self, device: torch.device) -> None:
        self._on_gpu = device.type == "cuda"
        self._last: torch.cuda.Event | None = None

    def reach(self) -> None:
        """A piece has been handed over: wait for the one before it."""
        if self._on_gpu:
            before, self._last = self._last, torch.cuda.Event()
            self._last.record()
            if before is not None:
                before.synchronize()


class EngineClock:
    """Seconds spent so far, by what they were spent on, and the number of forwards.

    A GPU is told its work and does it later. So on CUDA the device itself notes when a part begins and ends, and these
    notes are read when they are there.
    """

    def __init__(self, device: torch.device) -> None:
        self.forwards = 0
        self._device = device
        self._seconds = {"forward": 0.0, "compression": 0.0}
        self._open: list[tuple[str, torch.cuda.Event, torch.cuda.Event]] = []

    @property
    def forward(self) -> float:
        """Seconds in forwards; waits for those that are under way."""
        return self._read("forward")

    @property
    def compression(self) -> float:
        """Seconds in compressions; waits for those that are under way."""
        return self._read("compression")

    @contextmanager
    def measuring(self, part: str) -> Iterator[None]:
        """Add the time of a block to `part`, "forward" or "compression"."""
        if self._device.type != "cuda":
            began = time.perf_counter()
            yield
            self._seconds[part] += time.perf_counter() - began
            return
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        yield
        end.record()
        self._open.append((part, begin, end))
        self._take(wait=False)

    def _read(self, part: str) -> float:
        self._take(wait=True)
        return self._seconds[part]

    def _take(self, *, wait: bool) -> None:
        """Add up what has ended; with `wait`, everything."""
        while self._open and (wait or self._open[0][2].query()):
            part, begin, end = self._open.pop(0)
            end.synchronize()
            self._seconds[part] += begin.elapsed_time(end) / 1000
