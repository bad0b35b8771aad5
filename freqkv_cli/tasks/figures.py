"""What the process holds: memory figures for progress and report, in bytes."""

import resource
import sys

import psutil
import torch


def process_bytes() -> int:
    """Resident memory of this process now."""
    return int(psutil.Process().memory_info().rss)


def peak_process_bytes() -> int:
    """The most resident memory this process has held."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)


def gpu_bytes() -> int | None:
    """GPU memory allocated now, over all devices; None without a GPU in use."""
    return _gpu(torch.cuda.memory_allocated)


def peak_gpu_bytes() -> int | None:
    """The most GPU memory allocated so far, over all devices; None without a GPU in use."""
    return _gpu(torch.cuda.max_memory_allocated)


def _gpu(figure: "type[int] | object") -> int | None:
    if not (torch.cuda.is_available() and torch.cuda.is_initialized()):
        return None
    return sum(figure(index) for index in range(torch.cuda.device_count()))  # type: ignore[operator]
