"""The most memory that a process held, phase by phase; ours, or that of a program we started."""

import os
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import torch

from freqkv_cli.reading.memory_usage import peak_gpu_bytes, peak_process_bytes

PROCESSES = Path("/proc")


def forget_peak(pid: int) -> None:
    """Let the next peak count from now. Where the system cannot (not Linux), it goes on counting from the start."""
    if pid == os.getpid() and torch.cuda.is_available() and torch.cuda.is_initialized():
        for index in range(torch.cuda.device_count()):
            torch.cuda.reset_peak_memory_stats(index)
    with suppress(OSError):  # not Linux, or a container that lets no process write there
        (PROCESSES / str(pid) / "clear_refs").write_text("5")


def peak_bytes(pid: int) -> dict[str, int]:
    """Return the peak since `forget_peak`: resident bytes, and GPU bytes when this process uses a GPU."""
    gpu = peak_gpu_bytes() if pid == os.getpid() else None
    return {"rss_bytes": _high_water_mark(pid), **({} if gpu is None else {"gpu_bytes": gpu})}


def held_bytes(pid: int) -> int:
    """Return the resident bytes of a process now."""
    return int(psutil.Process(pid).memory_info().rss)


def _high_water_mark(pid: int) -> int:
    if sys.platform == "linux":
        status = (PROCESSES / str(pid) / "status").read_text(encoding="ascii", errors="replace")
        for line in status.splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return peak_process_bytes() if pid == os.getpid() else held_bytes(pid)
