"""Measures a GPU in one call: reading, writing and memory up to a million tokens, and how near that is to its limits.

    python -m freqkv_cli.benchmarks.gpu FOLDER [--seconds 540] [--shape llama-3.1-8b] [--only SECTION]... [--toy]

Leaves FOLDER/gpu.json, rewritten after every section, so that whatever was measured in time is kept. --toy runs the
same sections with a tiny model in seconds, on a CPU too.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from freqkv_cli.benchmarks.deadline import Deadline
from freqkv_cli.benchmarks.gpu_kernels import measure_attention, measure_filter
from freqkv_cli.benchmarks.gpu_limits import measure_limits
from freqkv_cli.benchmarks.gpu_reading import (
    compare,
    count_synchronisations,
    measure_full,
    measure_graph,
    measure_reading,
)
from freqkv_cli.benchmarks.gpu_scale import GPU, TOY, Scale
from freqkv_cli.errors import FreqkvError
from freqkv_cli.measurement.environment import environment
from freqkv_cli.measurement.random_weights import build_random, shape_config
from freqkv_cli.models.device import choose_placement

Result = dict[str, Any]
Section = Callable[[Any, Scale, Result, Deadline], Result]

# Each with the most seconds it may take; what matters most comes first, what may hang comes last.
SECTIONS: dict[str, tuple[Section, float]] = {
    "limits": (measure_limits, 30),
    "attention": (measure_attention, 40),
    "filter": (measure_filter, 20),
    "reading": (measure_reading, 170),
    "full": (measure_full, 110),
    "reading_large": (lambda model, scale, found, deadline: measure_reading(model, scale.larger, found, deadline), 170),
    "compared": (compare, 5),
    "synchronisations": (count_synchronisations, 20),
    "graph": (measure_graph, 30),
}


def main(arguments: list[str] | None = None) -> None:
    """Run the sections and write what they find."""
    options = parse(arguments)
    deadline = Deadline.after(options.seconds)
    folder: Path = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    scale = TOY if options.toy else GPU
    shape = options.shape or scale.shape
    try:
        config = shape_config(shape)
        place = choose_placement(config)
    except FreqkvError as error:
        sys.exit(f"error: {error.message}")
    about: Result = {"shape": shape, "quantization": place.quant, "dtype": place.dtype}
    found: Result = {"toy": options.toy, "environment": environment(place.device), "model": about}
    write(found, folder)
    began = time.perf_counter()
    model = build_random(config, device=place.device, dtype=place.dtype, quant=place.quant)
    about["weights_bytes"] = model.get_memory_footprint(return_buffers=False)
    about["build_s"] = round(time.perf_counter() - began, 1)
    write(found, folder)
    for name in options.only or SECTIONS:
        section, seconds = SECTIONS[name]
        run_section(name, section, model, scale, found, deadline.within(seconds))
        write(found, folder)
    print(folder / "gpu.json")


def run_section(name: str, section: Section, model: Any, scale: Scale, found: Result, deadline: Deadline) -> None:
    """Add one section to `found`; one that fails or has no time says so, and the others go on."""
    if deadline.passed:
        found[name] = {"skipped": "no time was left"}
        return
    began = time.perf_counter()
    print(f"{name} ...", file=sys.stderr, flush=True)
    try:
        found[name] = section(model, scale, found, deadline)
    except Exception as error:  # memory that runs out, a kernel that this GPU lacks: figures of the others are kept
        found[name] = {"error": f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"}
    found[name]["section_s"] = round(time.perf_counter() - began, 2)
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def write(found: Result, folder: Path) -> None:
    """Replace FOLDER/gpu.json at once, so that it is whole whenever the process ends."""
    draft = folder / "gpu.json.part"
    draft.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    os.replace(draft, folder / "gpu.json")


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m freqkv_cli.benchmarks.gpu",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="where gpu.json goes")
    parser.add_argument("--seconds", type=float, default=540, help="the most that all sections together may take")
    parser.add_argument("--shape", help="of the random weights; llama-3.1-8b, with --toy tiny")
    parser.add_argument("--only", action="append", choices=tuple(SECTIONS))
    parser.add_argument("--toy", action="store_true", help="a tiny model and few tokens")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
