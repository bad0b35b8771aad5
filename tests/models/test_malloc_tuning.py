"""Freed memory stays with the process, where the C library lets it."""

import ctypes
import platform
import sys
from types import SimpleNamespace

import pytest

from freqkv_cli.models.malloc_tuning import KEPT, LARGEST, keep_freed_memory


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
