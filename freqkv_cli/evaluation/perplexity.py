"""Measures how well a model foretells a text through each policy's memory: the same tokens, one reading each.

freqkv evaluate perplexity FILE... [--policies NAMES]
"""

import re
import time
from array import array
from collections.abc import Generator, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from freqkv_cli.config import Settings
from freqkv_cli.documents.document import Document
from freqkv_cli.errors import InputError, UsageError
from freqkv_cli.evaluation.losses import read_losses
from freqkv_cli.evaluation.perplexity_statistics import (
    ages,
    by_age,
    by_position,
    compare,
    interval,
    perplexity,
    rounded,
)
from freqkv_cli.evaluation.perplexity_table import perplexity_table
from freqkv_cli.events import Done, Event, Text
from freqkv_cli.measurement.line_plot import PlotLine, draw_lines
from freqkv_cli.measurement.plot import require_matplotlib
from freqkv_cli.measurement.policy_specs import PolicySpec, Subjects, open_specs, shrunk
from freqkv_cli.measurement.reading_progress import reading_progress
from freqkv_cli.measurement.report import memory_report
from freqkv_cli.measurement.subject import Subject, open_subject
from freqkv_cli.reading.token_stream import TokenStream

REFERENCE = "freqkv"
SMOOTHED = 1024  # tokens per point of a plot
WORD = re.compile(r"\w")


def evaluate_perplexity(
    documents: Sequence[Document],
    settings: Settings,
    labels: Sequence[str],
    tokens: int,
    plot: Path | None = None,
    adapters: Path | None = None,
    reference: str | None = None,
) -> Iterator[Event]:
    """Read the first `tokens` tokens with each spec and yield the table as Text, then the report.

    With a folder of `adapters`, each policy that has one there reads once more with it. `reference` is the label of the
    spec that ratios are to; None: freqkv, or the first one.

    After Ctrl-C the figures are those of the specs that have read everything.
    """
    began = time.perf_counter()
    if plot is not None:
        require_matplotlib(plot)
    subject = yield from open_subject(settings, None)
    ids = array("i", islice(TokenStream(documents, subject.tokenizer), tokens))
    if len(ids) < 2:
        raise InputError("the text has fewer than two tokens: there is nothing to foretell")
    specs = open_specs(labels, subject, settings, adapters)
    if reference is not None and reference not in (known := [one.label for one in specs]):
        raise UsageError(f"--reference {reference}: nothing of that name is measured; there are {', '.join(known)}")
    losses: dict[str, array[float]] = {}
    reason = "stop"
    try:
        yield from read_all(specs, Subjects(settings, subject), ids, losses)
    except KeyboardInterrupt:
        reason = "interrupted"
    found = {
        "tokens": len(ids),
        "tokens_read": len(ids) if losses else 0,
        "rows": rows(losses, specs, subject, settings, ids, reference),
    }
    report = memory_report("perplexity", subject, settings, documents, found, began=began, reason=reason)
    if plot is not None and losses:
        draw_lines(lines(losses), plot, x="tokens read", y="perplexity", title=title(report))
    yield Text(perplexity_table(report))
    yield Done(report)


def read_all(
    specs: Sequence[PolicySpec], subjects: Subjects, ids: Sequence[int], losses: dict[str, "array[float]"]
) -> Generator[Event, None, None]:
    """Let every spec read `ids`, as far as it can; what it has read goes into `losses` under its label."""
    pieces = {one.label: ids if one.limit is None else ids[: one.limit] for one in specs}
    total, done, began = sum(map(len, pieces.values())), 0, time.perf_counter()
    for spec in specs:
        piece, subject = pieces[spec.label], (yield from subjects.of(spec))
        cache = shrunk(spec, len(piece)).new_cache(subject)
        reading = read_losses(spec.new_engine(subject), cache, piece)
        while True:
            try:
                done += next(reading)
            except StopIteration as end:
                losses[spec.label] = end.value
                break
            yield reading_progress(spec.label, done, total, began)


def rows(
    losses: dict[str, "array[float]"],
    specs: Sequence[PolicySpec],
    subject: Subject,
    settings: Settings,
    ids: Sequence[int],
    reference: str | None = None,
) -> list[dict[str, Any]]:
    """Return the figures of every spec that has read; `ratio` is to `reference`, to freqkv, or to the first one:
    the first of these that has read.
    """
    if not losses:
        return []
    reference = next(name for name in (reference, REFERENCE, *losses) if name in losses)
    pieces = subject.tokenizer.convert_ids_to_tokens
    their_ages = ages(ids, subject.geometry.cache_size, lambda token: bool(WORD.search(pieces(token))))
    found = []
    for spec in specs:
        if (own := losses.get(spec.label)) is None:
            continue
        found.append(
            {
                "policy": spec.label,
                "adapter": spec.adapter or settings.adapter,
                "cache_size": spec.geometry.cache_size,
                "recent_tokens": spec.geometry.recent_tokens,
                "tokens": len(own),
                "perplexity": rounded(perplexity(own)),
                "ci95": rounded(interval(own)),
                "reference": reference,
                **compare(own, losses[reference]),
                "by_position": by_position(own),
                "by_age": by_age(own, their_ages, losses[reference]),
            }
        )
    return found


def lines(losses: dict[str, "array[float]"]) -> list[PlotLine]:
    """Return one line per spec: the perplexity of every thousand tokens."""
    drawn = []
    for label, own in losses.items():
        starts = range(0, max(len(own) - SMOOTHED, 0) + 1, SMOOTHED)
        points = [(start + SMOOTHED / 2, perplexity(own[start : start + SMOOTHED]) or 0.0) for start in starts]
        drawn.append(PlotLine(label, points))
    return drawn


def title(report: dict[str, Any]) -> str:
    """Return what stands above the plot."""
    model, cache = report["model"], report["cache"]
    return f"{model['id']}, {model['dtype']}, {cache['cache_size']} slots, {report['tokens']:,} tokens"
