"""Freed memory stays with the process, where the C library lets it."""

import ctypes
import platform
import sys
from types import SimpleNamespace

import psutil
import pytest
import torch

from freqkv_cli.models.malloc_tuning import KEPT, LARGEST, give_back_free_memory, keep_freed_memory


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it is about glibc")
def test_glibc_takes_the_sizes() -> None:
    assert keep_freed_memory()


def test_other_libraries_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace())
    assert not keep_freed_memory()
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace(mallopt=lambda *pair: asked.append(pair)))
    assert not keep_freed_memory()  # it was asked, and did not say yes
    assert [size for _, size in asked] == [LARGEST, KEPT]
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not keep_freed_memory()
    assert len(asked) == 2


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it is about glibc")
def test_free_memory_between_blocks_in_use_goes_back() -> None:
    process = psutil.Process()
    keep_freed_memory()
    blocks = [torch.ones(2**18) for _ in range(128)]  # of 1 MiB, all on the heap
    del blocks[::2]  # what is left lies between the holes
    before = process.memory_info().rss
    assert give_back_free_memory()
    assert before - process.memory_info().rss > 32 << 20
    assert all(bool((block == 1).all()) for block in blocks)


def test_where_memory_cannot_be_given_back_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace())
    assert not give_back_free_memory()
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not give_back_free_memory()
