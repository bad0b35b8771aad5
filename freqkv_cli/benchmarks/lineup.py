"""Which readers take part, opened in the order of their turns."""

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from freqkv_cli.benchmarks.choice import LLAMA_CPP, RIVALS, BenchOptions
from freqkv_cli.benchmarks.llama_cpp import LlamaCpp, find_node, find_package
from freqkv_cli.benchmarks.plain_loop import PlainLoop, load_plain
from freqkv_cli.benchmarks.readers import PolicyReader, TimedReader
from freqkv_cli.benchmarks.runs import REQUEST
from freqkv_cli.errors import UsageError
from freqkv_cli.kvcache.geometry import Geometry
from freqkv_cli.measurement.subject import Subject


def require_rivals(choice: BenchOptions) -> None:
    """Raise UsageError, before anything is loaded, when llama.cpp is asked for and not installed."""
    if set(LLAMA_CPP) & set(choice.against):
        find_node()
        find_package()


def open_readers(choice: BenchOptions, subject: Subject, stack: ExitStack) -> tuple[list[TimedReader], dict[str, Any]]:
    """Return the readers, freqkv's policies first, and what rivals say of themselves; `stack` closes them.

    Raises UsageError when a rival cannot read this model.
    """
    loaded, geometry, window, chunk = subject.loaded, subject.geometry, subject.window, subject.chunk
    readers: list[TimedReader] = []
    for policy in choice.policies:
        slots = _whole(geometry, window, choice) if policy == "full" else geometry
        readers.append(
            PolicyReader(loaded.model, slots, policy, window=window, chunk=chunk, foresight=loaded.foresight)
        )
    plain = load_plain(loaded) if {"full", "bare"} & set(choice.against) else None
    settings: dict[str, Any] = {}
    for name in choice.against:
        if name in LLAMA_CPP:
            rival = _open_llama_cpp(name, subject)
            stack.callback(rival.close)
            settings[name] = rival.settings
            readers.append(rival)
        else:
            bound = geometry if name == "bare" else None
            readers.append(PlainLoop(RIVALS[name], plain, bound, window=window, chunk=chunk))
    return readers, settings


def _whole(geometry: Geometry, window: int, choice: BenchOptions) -> Geometry:
    """Slots for all depths, as far as the window goes."""
    needed = choice.depths[-1] + REQUEST + choice.written
    return replace(geometry, cache_size=min(window, max(needed, geometry.cache_size)))


def _open_llama_cpp(name: str, subject: Subject) -> LlamaCpp:
    gguf = subject.loaded.source.gguf_file
    if gguf is None or not Path(gguf).is_file():
        raise UsageError(
            "--against llama.cpp needs the model as a GGUF file: use the default model, or --model FILE.gguf"
        )
    return LlamaCpp(
        name,
        Path(gguf),
        context=subject.window,
        threads=torch.get_num_threads(),
        flash_attention=name == "llama.cpp",
        slot_bytes=subject.slot_bytes,
    )
