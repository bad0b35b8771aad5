"""Measures reading on this machine: speed, the share of compression, start-up, and the footprint of a process.

    python -m freqkv_cli.lab.reading [DOCUMENT] [--tokens 30000] [--cache-size 2048] [--json]

Everything is measured in one run. Speeds of the three ways to read alternate over `--rounds` and their medians are
compared: FreqKV, the window policy, and FreqKV with transformers' own attention. Without DOCUMENT a fixed synthetic
text is read, so that others can repeat it.
"""

import argparse
import json
import platform
import random
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from freqkv_cli.config import Settings
from freqkv_cli.errors import FreqkvError
from freqkv_cli.inference.attention import ATTENTION_NAME
from freqkv_cli.inference.engine import Engine
from freqkv_cli.kvcache.cache import make_cache
from freqkv_cli.kvcache.policies.policy import make_policy
from freqkv_cli.models.loading import LoadedModel
from freqkv_cli.tasks.events import Event
from freqkv_cli.tasks.plan import Plan, make_plan
from freqkv_cli.tasks.prompt import encode_text
from freqkv_cli.tasks.session import load_plan

WAYS = (("freqkv", "freqkv", ATTENTION_NAME), ("window", "window", ATTENTION_NAME), ("sdpa", "freqkv", "sdpa"))


def main(arguments: list[str] | None = None) -> None:
    """Run the measurements that the command line asks for and print them."""
    options = parse(arguments)
    with tempfile.TemporaryDirectory() as folder:
        document = options.document or write_synthetic(Path(folder) / "synthetic.txt", 170_000)
        result: dict[str, Any] = {"environment": environment(), "document": document.name}
        if not options.only or "speed" in options.only:
            result["speed"] = measure_speed(document, options.tokens, options.cache_size, options.rounds)
        if not options.only or "start" in options.only:
            result["start"] = measure_start(Path(folder))
        if not options.only or "footprint" in options.only:
            result["footprint"] = measure_footprint(document, Path(folder), options.cache_size)
    print(json.dumps(result, indent=2) if options.json else table(result))


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("document", nargs="?", type=Path, help="a text of at least 160,000 tokens")
    parser.add_argument("--tokens", type=int, default=30_000, help="tokens read for the speed")
    parser.add_argument("--cache-size", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", action="append", choices=("speed", "start", "footprint"))
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(arguments)


def environment() -> dict[str, Any]:
    """Return what the figures depend on."""
    import torch

    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "threads": torch.get_num_threads(),
        "freqkv": version("freqkv"),
        "torch": torch.__version__,
        "transformers": version("transformers"),
    }


def measure_speed(document: Path, tokens: int, cache_size: int, rounds: int) -> dict[str, Any]:
    """Read the first `tokens` tokens in each way, in turn; tokens per second and the share of compression."""
    plan = prepare(cache_size)
    loaded = load_plan(plan)
    ids = encode_text(plan.prompt.tokenizer, document.read_text(encoding="utf-8")[: tokens * 8])[:tokens]
    runs: dict[str, list[tuple[float, float]]] = {name: [] for name, _, _ in WAYS}
    for _ in range(rounds):
        for name, policy, attention in WAYS:
            runs[name].append(read_once(plan, loaded, ids, policy, attention))
    medians = {name: median(speed for speed, _ in of_way) for name, of_way in runs.items()}
    return {
        "tokens": len(ids),
        "cache_size": cache_size,
        "rounds": rounds,
        "tokens_per_second": {name: round(speed, 1) for name, speed in medians.items()},
        "compression_share": round(median(share for _, share in runs["freqkv"]), 4),
        "ratio_to_window": round(medians["freqkv"] / medians["window"], 3),
        "ratio_to_sdpa_attention": round(medians["freqkv"] / medians["sdpa"], 3),
    }


def read_once(plan: Plan, loaded: LoadedModel, ids: list[int], policy: str, attention: str) -> tuple[float, float]:
    """Return tokens per second and the share of the time that compression took."""
    loaded.model.set_attn_implementation(attention)
    cache = make_cache(loaded.model, plan.geometry, make_policy(policy), window=plan.window)
    engine = Engine(loaded.model, plan.chunk)
    began = time.perf_counter()
    engine.read(cache, ids)
    seconds = time.perf_counter() - began
    return len(ids) / seconds, engine.clock.compression / seconds


def measure_start(folder: Path) -> dict[str, float]:
    """Seconds from the start of the command on a short file to its first line of reading progress, and to its end."""
    short = folder / "short.txt"
    short.write_text("A short file.\n" * 40, encoding="utf-8")
    began = time.perf_counter()
    command = [sys.executable, "-m", "freqkv_cli", "summarize", str(short), "--max-tokens", "4", "--no-cache"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    first = None
    for line in process.stderr or ():
        if first is None and "read" in line and "token" in line:
            first = time.perf_counter() - began
    process.wait()
    if process.returncode or first is None:
        raise FreqkvError(f"`{' '.join(command[2:])}` ended with {process.returncode}")
    return {"first_progress_s": round(first, 2), "total_s": round(time.perf_counter() - began, 2)}


def measure_footprint(document: Path, folder: Path, cache_size: int) -> dict[str, Any]:
    """Peak resident memory of a whole process that reads a tenth of the document, and all of it."""
    text = document.read_text(encoding="utf-8")
    part = folder / "tenth.txt"
    part.write_text(text[: len(text) // 10], encoding="utf-8")
    rows = {}
    for name, path in (("tenth", part), ("whole", document)):
        command = [sys.executable, "-m", "freqkv_cli", "ask", str(path), "What is it about?", "--json", "--quiet"]
        command += ["--cache-size", str(cache_size), "--max-tokens", "16", "--no-cache"]
        report = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        rows[name] = {
            "tokens_read": report["tokens_read"],
            "peak_rss_bytes": report["memory"]["peak_rss_bytes"],
            "cache_bytes": report["cache"]["bytes"],
        }
    return {**rows, "peak_ratio": round(rows["whole"]["peak_rss_bytes"] / rows["tenth"]["peak_rss_bytes"], 4)}


def prepare(cache_size: int) -> Plan:
    """Return the plan of the default model with this cache; its events are of no interest here."""
    return last_value(make_plan(Settings(cache_size=cache_size)))


def last_value(events: Any) -> Any:
    """Run a generator of events to its end and return its value."""
    while True:
        try:
            event: Event = next(events)
            del event
        except StopIteration as end:
            return end.value


def write_synthetic(path: Path, words: int) -> Path:
    """Write a fixed text of made-up sentences, the same on every machine."""
    source = random.Random(20250500570)
    syllables = ("ka", "lo", "mi", "ren", "tu", "sa", "vel", "dor", "in", "ash")
    lexicon = ["".join(source.choices(syllables, k=source.randint(1, 3))) for _ in range(3000)]
    lines = (" ".join(source.choices(lexicon, k=12)).capitalize() + "." for _ in range(words // 12))
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def table(result: dict[str, Any]) -> str:
    """Return the figures as `name: value` lines."""
    lines: list[str] = []
    for section, values in result.items():
        if isinstance(values, dict):
            lines.append(section)
            lines += [f"  {name}: {value}" for name, value in values.items()]
        else:
            lines.append(f"{section}: {values}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
