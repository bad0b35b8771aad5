"""Measures on a GPU what freqkv does there by default, against transformers' full cache in the same run.

    python -m freqkv_cli.benchmarks.gpu FOLDER [--seconds 540] [--shape llama-3.1-8b] [--quant none --quant 4bit]
                                        [--reader MODEL --document FILE --question TEXT ...] [--toy]

Random weights of a shape, in 16 bits and in 4: reading, writing and peak memory at 8k, 32k, 128k and 1M tokens read.
Then a real model answers. FOLDER/gpu.json and FOLDER/gpu.md are written anew after every depth, so that whatever was
measured in time is kept. --toy does the same with a tiny model in seconds, on a CPU too.
"""

import argparse
import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from freqkv_cli.benchmarks.aggregates import label, ratios, reader_figures
from freqkv_cli.benchmarks.backends import Backend, PolicyBackend
from freqkv_cli.benchmarks.gpu_limits import bytes_per_written_token, measure_limits, operations_per_read_token
from freqkv_cli.benchmarks.runs import Mark, reach, run_pass, warm_up
from freqkv_cli.benchmarks.tables import speed_tables
from freqkv_cli.benchmarks.transformers_loop import TransformersLoop
from freqkv_cli.config import Settings
from freqkv_cli.errors import FreqkvError
from freqkv_cli.measurement.environment import environment
from freqkv_cli.measurement.policy_specs import PolicySpec
from freqkv_cli.measurement.subject import Subject, build_subject
from freqkv_cli.measurement.synthetic_text import random_ids
from freqkv_cli.models.device import choose_device

Result = dict[str, Any]
Save = Callable[[], None]
SHARES = {"freqkv": 0.33, "transformers": 0.12}  # of all seconds, that a reader may take with each kind of weights


@dataclass(frozen=True, slots=True)
class Scale:
    """How large it all is. depths: tokens read before each measurement. written: tokens of an answer. slots, chunk:
    None for what the device's defaults say. copied: bytes of the copy that gives the bandwidth; square: rows of the
    matrix product that gives the arithmetic.
    """

    shape: str
    depths: tuple[int, ...]
    written: int
    copied: int
    square: int
    slots: int | None = None
    chunk: int | None = None


GPU = Scale("llama-3.1-8b", (8_000, 32_000, 128_000, 1_000_000), 128, 4 * 2**30, 8192)
TOY = Scale("tiny", (100, 400, 1000, 3000), 20, 2**24, 256, slots=128, chunk=64)


def main(arguments: list[str] | None = None) -> None:
    """Run everything and write what is found."""
    options = parse(arguments)
    deadline = time.monotonic() + options.seconds
    scale = TOY if options.toy else GPU
    options.folder.mkdir(parents=True, exist_ok=True)
    try:
        device = choose_device(options.device)
    except FreqkvError as error:
        sys.exit(f"error: {error.message}")
    found: Result = {"toy": options.toy, "shape": options.shape or scale.shape, "environment": environment(device)}
    found |= {"weights": {}, "answers": []}
    save = partial(write, found, options.folder)
    for quant in options.quant or ("none", "4bit"):
        about = {"depths": [label(depth) for depth in scale.depths], "readers": {}, "against": {}}
        found["weights"][quant] = about
        settings = Settings(quant=quant, device=device, cache_size=scale.slots, chunk=scale.chunk)
        measure_weights(about, found["shape"], settings, scale, deadline, options.seconds, save)
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    for question in options.question:
        found["answers"].append(ask(options, question, deadline))
        save()
    print(options.folder / "gpu.md")


def measure_weights(
    about: Result, shape: str, settings: Settings, scale: Scale, deadline: float, seconds: float, save: Save
) -> None:
    """Measure both readers with weights of one kind, into `about`; what cannot be says so, and the others go on."""
    try:
        print(f"{shape}, {settings.quant} ...", file=sys.stderr, flush=True)
        subject = build_subject(settings, shape)
        about |= subject.as_json()
        about["limits"] = measure_limits(subject.loaded.model, scale.copied, scale.square)
    except (FreqkvError, RuntimeError) as error:  # no bitsandbytes, no memory
        about["skipped"] = str(error).strip().splitlines()[0]
        print(f"{settings.quant} is left out: {about['skipped']}", file=sys.stderr)
        save()
        return
    ours = PolicySpec("freqkv", settings.policy, subject.geometry, limit=None)
    readers: tuple[Backend, ...] = (PolicyBackend(subject, ours), TransformersLoop(subject))
    for reader in readers:
        figures: Result = {"depths": {}, "ended": "when time was up"}
        about["readers"][reader.name] = figures
        until = min(deadline, time.monotonic() + SHARES[reader.name] * seconds)
        try:
            read_depths(figures, reader, subject, scale, about["limits"], until, save)
        except Exception as error:  # memory that runs out, a kernel that this GPU lacks: other figures are kept
            told = str(error).strip().splitlines()
            figures["ended"] = f"by {type(error).__name__}: {told[0] if told else ''}"
        reader.clear()
    about["against"]["transformers"] = ratios(*about["readers"].values())
    save()


def read_depths(
    figures: Result, reader: Backend, subject: Subject, scale: Scale, limits: Result, deadline: float, save: Save
) -> None:
    """Read to the deepest depth or the deadline; `figures` hold what was measured so far at any moment."""
    model, marks = subject.loaded.model, list[Mark]()
    depths = reach(reader, scale.depths, scale.written)
    ids = random_ids(model.config.vocab_size, depths[-1], seed=0)
    if time.monotonic() >= deadline:
        return
    warm_up(reader, ids)
    for _ in run_pass(reader, ids, depths, scale.written, marks):
        if len(marks) > len(figures["depths"]):
            add_figures(figures, marks, model, limits)
            save()
        if time.monotonic() >= deadline and len(marks) < len(depths):
            return
    figures["ended"] = "at the deepest depth" if depths == list(scale.depths) else "where its window ends"
    if isinstance(reader, PolicyBackend):
        figures["notes"] = reader.notes


def add_figures(figures: Result, marks: list[Mark], model: Any, limits: Result) -> None:
    """Put what a pass has measured so far into `figures`, with the shares of the limits that it reaches."""
    figures |= reader_figures([marks])
    for own in figures["depths"].values():
        moved = own["decode_tokens_per_second"]["median"] * bytes_per_written_token(model, own["slots"])
        worked = own["prefill_tokens_per_second"]["median"] * operations_per_read_token(model, own["slots"])
        own["decode_share_of_bandwidth"] = moved / limits["copy_bytes_per_second"]
        own["prefill_share_of_arithmetic"] = worked / limits["matmul_operations_per_second"]


def ask(options: argparse.Namespace, question: str, deadline: float) -> Result:
    """Return what `freqkv ask` answers with the real model, in a process of its own."""
    command = [sys.executable, "-m", "freqkv_cli", "ask", str(options.document), question, "--json", "--no-cache"]
    command += ["--model", options.reader, "--device", options.device]
    began = time.perf_counter()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=max(1.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return {"question": question, "error": "no time was left"}
    if done.returncode != 0:
        return {"question": question, "error": done.stderr.strip().rpartition("\n")[2]}
    report = json.loads(done.stdout)
    kept = {name: report[name] for name in ("text", "model", "timing", "memory")}
    return {"question": question, "process_s": round(time.perf_counter() - began, 2), **kept}


def write(found: Result, folder: Path) -> None:
    """Replace gpu.json and gpu.md at once, so that they are whole whenever the process ends."""
    for name, text in (("gpu.json", json.dumps(found, indent=2) + "\n"), ("gpu.md", as_markdown(found))):
        draft = folder / f"{name}.part"
        draft.write_text(text, encoding="utf-8")
        os.replace(draft, folder / name)


def as_markdown(found: Result) -> str:
    """Return the figures as they go into docs/experiments.md."""
    machine = found["environment"]
    head = f"{found['shape']} (random weights), {machine.get('gpu', machine['cpu'])}, torch {machine['torch']}, "
    parts = [head + f"transformers {machine['transformers']}, commit {machine['commit']}\n"]
    for quant, about in found["weights"].items():
        parts += [f"Weights: {quant}\n", *speed_tables(about), "".join(f"- {line}\n" for line in remarks(about))]
    parts += [f"- {answer['question']} {answer.get('text', answer.get('error'))}\n" for answer in found["answers"]]
    return "\n".join(parts)


def remarks(about: Result) -> Iterator[str]:
    """Yield what the tables do not tell of weights of one kind."""
    if "skipped" in about:
        yield f"left out: {about['skipped']}"
    for name, reader in about["readers"].items():
        growth = f"; peak at the last depth over the first: {reader['peak_growth']}" if reader["depths"] else ""
        yield f"{name} ended {reader['ended']}{growth}"
        for depth, own in reader["depths"].items():
            yield (
                f"{name} at {depth}: reading at {own['prefill_share_of_arithmetic']:.0%} of the arithmetic of a matrix "
                f"product, writing at {own['decode_share_of_bandwidth']:.0%} of the bandwidth of a copy"
            )
        yield from (f"{name}: {note}" for note in reader.get("notes", ()))


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m freqkv_cli.benchmarks.gpu",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="where gpu.json and gpu.md go")
    parser.add_argument("--seconds", type=float, default=540, help="the most that everything may take")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--shape", help="of the random weights; llama-3.1-8b, with --toy tiny")
    parser.add_argument("--quant", action="append", choices=("none", "4bit"))
    parser.add_argument("--reader", help="a real model, as --model takes it, which answers")
    parser.add_argument("--document", type=Path, help="what it reads")
    parser.add_argument("--question", action="append", default=[])
    parser.add_argument("--toy", action="store_true", help="a tiny model and few tokens")
    options = parser.parse_args(arguments)
    if len({bool(given) for given in (options.reader, options.document, options.question)}) > 1:
        parser.error("--reader, --document and --question go together")
    return options


if __name__ == "__main__":
    main()
