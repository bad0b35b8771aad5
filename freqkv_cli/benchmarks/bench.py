"""Measures this machine: reading, writing and memory by depth, for several ways to read that take turns in one run.

freqkv bench [FILE]... [--against llama.cpp]
"""

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from freqkv_cli.benchmarks.aggregates import label, ratios, reader_figures
from freqkv_cli.benchmarks.backends import Backend
from freqkv_cli.benchmarks.lineup import open_backends, require_rivals
from freqkv_cli.benchmarks.options import OWN, BenchOptions
from freqkv_cli.benchmarks.runs import REQUEST, Mark, reach, run_pass, warm_up
from freqkv_cli.benchmarks.tables import render
from freqkv_cli.config import Settings
from freqkv_cli.documents.document import Document
from freqkv_cli.errors import UsageError
from freqkv_cli.events import Done, Event, Note, Progress, Text
from freqkv_cli.measurement.environment import environment
from freqkv_cli.measurement.peak import held_bytes
from freqkv_cli.measurement.plot import draw, require_matplotlib
from freqkv_cli.measurement.reading_progress import reading_progress
from freqkv_cli.measurement.subject import Subject, open_subject
from freqkv_cli.measurement.synthetic_text import SEED, document_ids, random_ids, synthetic_ids
from freqkv_cli.reading.memory_usage import process_bytes


@dataclass(slots=True)
class Measured:
    """What there is so far: marks of every pass by reader, and depths beyond a reader's limit."""

    passes: dict[str, list[list[Mark]]] = field(default_factory=dict)
    skipped: dict[str, list[str]] = field(default_factory=dict)
    tokens_read: int = 0


def bench(documents: Sequence[Document], settings: Settings, options: BenchOptions) -> Iterator[Event]:
    """Measure and yield the figures as Text, then the report. After Ctrl-C they are of the passes that there were."""
    began = time.perf_counter()
    require_rivals(options)
    if options.plot is not None:
        require_matplotlib(options.plot)
    before = process_bytes()
    subject = yield from open_subject(settings, options.shape)
    loaded = process_bytes()
    yield Progress("loading", source="the tokens of the text")
    ids, source = gather_ids(documents, subject, options, SEED if settings.seed is None else settings.seed)
    for warning in (text for document in documents for text in document.warnings):
        yield Note(warning, warning=True)
    memory = {"weights_bytes": subject.loaded.weight_bytes, "loading_rss_bytes": loaded - before}
    memory["rss_bytes_before_reading"] = process_bytes()
    measured, rivals, reason = Measured(), dict[str, Any](), "stop"
    with ExitStack() as stack:
        try:
            readers, rivals = open_backends(options, settings, subject, stack)
            yield from measure(measured, options, readers, ids)
        except KeyboardInterrupt:
            reason = "interrupted"
    readers_figures = {name: reader_figures(passes) for name, passes in measured.passes.items() if any(passes)}
    own = readers_figures.get(OWN)
    theirs = {name: readers_figures[name] for name in options.against if name in readers_figures}
    report = {
        "schema_version": 1,
        "command": "bench",
        "finish_reason": reason,
        "environment": environment(subject.loaded.device),
        **subject.as_json(),
        "source": source,
        "depths": [label(depth) for depth in options.depths],
        "repetitions": options.repetitions,
        "request_tokens": REQUEST,
        "written_tokens": options.written,
        "memory": memory,
        "readers": readers_figures,
        "skipped": measured.skipped,
        "against": {name: ratios(own, figures) for name, figures in theirs.items()} if own else {},
        "rivals": rivals,
        "tokens_read": measured.tokens_read,
        "timing": {"total_s": round(time.perf_counter() - began, 3)},
    }
    if options.plot is not None and readers_figures:
        draw(report, options.plot)
    yield Text(render(report))
    yield Done(report)


def measure(
    measured: Measured, options: BenchOptions, readers: Sequence[Backend], ids: Sequence[int]
) -> Generator[Event, None, None]:
    """Let the readers take turns, `repetitions` times; what they measure is in `measured` as soon as it is known."""
    turns: list[tuple[Backend, list[int]]] = []
    for reader in readers:
        depths = reach(reader, options.depths, options.written)
        if len(depths) < len(options.depths):
            missing = [label(depth) for depth in options.depths if depth not in depths]
            measured.skipped[reader.name] = missing
            yield Note(f"{reader.name} ends at {reader.limit} tokens and does not take part at {', '.join(missing)}")
        if depths:
            turns.append((reader, depths))
            yield Progress("loading", source=f"{reader.name} (warming up)")
            warm_up(reader, ids)
    total = options.repetitions * sum(depths[-1] for _, depths in turns)
    began = time.perf_counter()
    for repetition in range(options.repetitions):
        for reader, depths in turns:
            marks: list[Mark] = []
            measured.passes.setdefault(reader.name, []).append(marks)
            source = f"{reader.name}, turn {repetition + 1} of {options.repetitions}"
            for size in run_pass(reader, ids, depths, options.written, marks):
                measured.tokens_read += size
                progress = reading_progress(source, max(1, measured.tokens_read), total, began)
                yield replace(progress, process_bytes=held_bytes(reader.pid))


def gather_ids(
    documents: Sequence[Document], subject: Subject, options: BenchOptions, seed: int
) -> tuple[Sequence[int], dict[str, Any]]:
    """Return as many token ids as the deepest depth asks for, and where they are from."""
    count = options.depths[-1]
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
