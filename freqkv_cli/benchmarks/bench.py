"""Measures this machine: reading, writing and memory by depth, for several ways to read that take turns in one run.

freqkv bench [FILE]... [--against llama.cpp]
"""

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from freqkv_cli.benchmarks.choice import BenchOptions
from freqkv_cli.benchmarks.figures import label
from freqkv_cli.benchmarks.lineup import open_readers, require_rivals
from freqkv_cli.benchmarks.readers import TimedReader
from freqkv_cli.benchmarks.runs import Pass, reach, run_pass, warm_up
from freqkv_cli.benchmarks.start import measure_start
from freqkv_cli.benchmarks.state import BenchState
from freqkv_cli.benchmarks.tables import render
from freqkv_cli.config import Settings
from freqkv_cli.documents.document import Document
from freqkv_cli.errors import UsageError
from freqkv_cli.events import Done, Event, Note, Progress, Text
from freqkv_cli.measurement.peak import held_bytes
from freqkv_cli.measurement.plot import draw, require_matplotlib
from freqkv_cli.measurement.subject import Subject, open_subject
from freqkv_cli.measurement.synthetic_text import SEED, document_ids, random_ids, synthetic_ids
from freqkv_cli.reading.memory_figures import process_bytes


def bench(
    documents: Sequence[Document], settings: Settings, choice: BenchOptions, form: str = "table"
) -> Iterator[Event]:
    """Measure and yield the figures as Text in the given form (see bench_tables; json: none), then the report.

    After Ctrl-C the figures are those of the passes that there were.
    """
    began = time.perf_counter()
    require_rivals(choice)
    if choice.plot is not None:
        require_matplotlib(choice.plot)
    before = process_bytes()
    subject = yield from open_subject(settings, choice.shape)
    loaded = process_bytes()
    yield Progress("loading", source="the tokens of the text")
    ids, source = gather_ids(documents, subject, choice, SEED if settings.seed is None else settings.seed)
    for warning in (text for document in documents for text in document.warnings):
        yield Note(warning, warning=True)
    memory = {"weights_bytes": subject.loaded.weight_bytes, "loading_rss_bytes": loaded - before}
    state = BenchState(choice, subject, source, {**memory, "rss_bytes_before_reading": process_bytes()})
    with ExitStack() as stack:
        try:
            if choice.start and choice.shape is None:
                yield Progress("loading", source="freqkv in processes of its own, for the start-up")
                state.start = measure_start(settings)
            readers, state.rivals = open_readers(choice, subject, stack)
            yield from measure(state, readers, ids)
        except KeyboardInterrupt:
            state.finish_reason = "interrupted"
    report = state.as_json(time.perf_counter() - began)
    if choice.plot is not None and report["readers"]:
        draw(report, choice.plot)
    if form != "json":
        yield Text(render(report, form))
    yield Done(report)


def measure(state: BenchState, readers: Sequence[TimedReader], ids: Sequence[int]) -> Generator[Event, None, None]:
    """Let the readers take turns, `repetitions` times; what they measure is in `state` as soon as it is known."""
    choice = state.choice
    turns: list[tuple[TimedReader, list[int]]] = []
    for reader in readers:
        depths = reach(reader, choice.depths, choice.written)
        if len(depths) < len(choice.depths):
            missing = state.skipped[reader.name] = [label(depth) for depth in choice.depths if depth not in depths]
            yield Note(f"{reader.name} ends at {reader.limit} tokens and does not take part at {', '.join(missing)}")
        if depths:
            turns.append((reader, depths))
            yield Progress("loading", source=f"{reader.name} (warming up)")
            warm_up(reader, ids)
    left = {reader.name: choice.repetitions * depths[-1] for reader, depths in turns}
    total, speeds = sum(left.values()), dict[str, float]()
    for repetition in range(choice.repetitions):
        for reader, depths in turns:
            current = Pass()
            state.passes.setdefault(reader.name, []).append(current)
            started, read = time.perf_counter(), 0
            for size in run_pass(reader, ids, depths, choice.written, state.subject.chunk, current):
                read += size
                state.tokens_read += size
                left[reader.name] -= size
                speeds[reader.name] = read / (time.perf_counter() - started)
                yield Progress(
                    "reading",
                    source=f"{reader.name}, turn {repetition + 1} of {choice.repetitions}",
                    tokens_done=state.tokens_read,
                    tokens_total=total,
                    total_is_exact=True,
                    tokens_per_second=speeds[reader.name],
                    eta_seconds=eta_seconds(left, speeds),
                    process_bytes=held_bytes(reader.pid),
                )


def eta_seconds(left: dict[str, int], speeds: dict[str, float]) -> float:
    """Return the time for the tokens that are left to each reader; those not heard yet count as the slowest known."""
    slowest = min(speeds.values())
    return sum(tokens / speeds.get(name, slowest) for name, tokens in left.items())


def gather_ids(
    documents: Sequence[Document], subject: Subject, choice: BenchOptions, seed: int
) -> tuple[Sequence[int], dict[str, Any]]:
    """Return as many token ids as the deepest depth asks for, and where they are from."""
    count = choice.depths[-1]
    if subject.tokenizer is None:
        if documents:
            raise UsageError("--random-weights reads tokens drawn at random: give it no file")
        ids = random_ids(subject.loaded.model.config.vocab_size, count, seed)
        return ids, {"text": "tokens drawn evenly", "tokens": count, "seed": seed}
    if documents:
        ids = document_ids(documents, subject.tokenizer, count)
        return ids, {"text": [Path(document.name).name for document in documents], "tokens": count, "seed": None}
    ids = synthetic_ids(subject.tokenizer, count, seed)
    return ids, {"text": "made-up sentences", "tokens": count, "seed": seed}
