"""What the process holds: memory figures for progress and report, in bytes."""

import sys
from collections.abc import Callable

import psutil
import torch


def process_bytes() -> int:
    """Resident memory of this process now."""
    return int(psutil.Process().memory_info().rss)


def peak_process_bytes() -> int:
    """The most resident memory this process has held."""
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource  # Unix only

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)


def gpu_bytes() -> int | None:
    """GPU memory allocated now, over all devices; None without a GPU in use."""
    return _over_all_gpus(torch.cuda.memory_allocated)


def peak_gpu_bytes() -> int | None:
    """The most GPU memory allocated so far, over all devices; None without a GPU in use."""
    return _over_all_gpus(torch.cuda.max_memory_allocated)


def _over_all_gpus(figure: Callable[[int], int]) -> int | None:
    if not (torch.cuda.is_available() and torch.cuda.is_initialized()):
        return None
    return sum(figure(index) for index in range(torch.cuda.device_count()))
