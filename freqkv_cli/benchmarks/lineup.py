"""Which readers take part, opened in the order of their turns."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch

from freqkv_cli.benchmarks.backends import Backend, PolicyBackend
from freqkv_cli.benchmarks.llama_cpp import LlamaCpp, find_node, find_package
from freqkv_cli.benchmarks.options import BenchOptions
from freqkv_cli.benchmarks.runs import REQUEST, WARM_UP_ANSWER
from freqkv_cli.benchmarks.transformers_loop import TransformersLoop
from freqkv_cli.config import Settings
from freqkv_cli.errors import UsageError
from freqkv_cli.measurement.policy_specs import open_specs, shrunk
from freqkv_cli.measurement.subject import Subject


def require_rivals(options: BenchOptions) -> None:
    """Raise UsageError, before anything is loaded, when llama.cpp is asked for and not installed."""
    if "llama.cpp" in options.against:
        find_node()
        find_package()


def open_backends(
    options: BenchOptions, settings: Settings, subject: Subject, stack: ExitStack
) -> tuple[list[Backend], dict[str, Any]]:
    """Return the readers, freqkv's policies first, and what rivals say of themselves; `stack` closes them.

    Raises UsageError when a rival cannot read this model.
    """
    needed = options.depths[-1] + REQUEST + max(options.written, WARM_UP_ANSWER)
    specs = [shrunk(spec, needed) for spec in open_specs(options.policies, subject, settings)]
    readers: list[Backend] = [PolicyBackend(subject, spec) for spec in specs]
    said: dict[str, Any] = {}
    for name in options.against:
        if name == "llama.cpp":
            rival = open_llama_cpp(subject)
            stack.callback(rival.close)
            said[name] = rival.settings
            readers.append(rival)
        else:
            readers.append(TransformersLoop(subject))
    return readers, said


def open_llama_cpp(subject: Subject) -> LlamaCpp:
    """Start llama.cpp with the subject's GGUF file. Raises UsageError where there is none."""
    gguf = subject.loaded.source.gguf_file
    if gguf is None or not Path(gguf).is_file():
        raise UsageError(
            "--against llama.cpp needs the model as a GGUF file: use the default model, or --model FILE.gguf"
        )
    threads = torch.get_num_threads()
    return LlamaCpp(Path(gguf), context=subject.window, threads=threads, slot_bytes=subject.slot_bytes)
