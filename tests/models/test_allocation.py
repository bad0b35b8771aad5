"""Freed memory stays with the process, so that the next forward need not wait for it."""

import subprocess
import sys

import pytest

SCRIPT = """
import resource, torch
from freqkv_cli.models.allocation import keep_freed_memory
{keep}
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def work(times):
    for _ in range(times):
        [torch.empty(5 * 2**20).fill_(1) for _ in range(4)]  # 80 MB at a time
work(5)
before = faults()
work(10)
print(faults() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="it is about glibc")
def test_pages_are_not_asked_for_again_and_again() -> None:
    counts = [
        int(subprocess.run([sys.executable, "-c", SCRIPT.format(keep=keep)], capture_output=True, check=True).stdout)
        for keep in ("", "keep_freed_memory()")
    ]
    assert counts[1] < counts[0] / 10
