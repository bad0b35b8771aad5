"""Seconds per call of work on a device."""

import time
from collections.abc import Callable
from statistics import median

import torch

from freqkv_cli.inference.engine_clock import wait_for


def seconds_per_call(work: Callable[[], object], device: torch.device, calls: int = 20) -> float:
    """Return the median seconds of `calls` calls, after three that do not count."""
    for _ in range(3):
        work()
    wait_for(device)
    spent = []
    for _ in range(calls):
        began = time.perf_counter()
        work()
        wait_for(device)
        spent.append(time.perf_counter() - began)
    return median(spent)
