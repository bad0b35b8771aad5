"""Measures what a cache of fixed size remembers: the same tokens and the same questions for every policy.

freqkv evaluate memory FILE... [--policies NAMES]

Each policy reads each text once. On the way every token is foretold, and facts are asked for on forks, so that no
question changes what the next one finds.
"""

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from freqkv_cli.config import Settings
from freqkv_cli.documents.document import Document
from freqkv_cli.errors import InputError, UsageError
from freqkv_cli.evaluation.facts import measured_text
from freqkv_cli.evaluation.memory_figures import figures, parts
from freqkv_cli.evaluation.memory_reading import MemoryReading, read_all
from freqkv_cli.evaluation.memory_table import memory_lines, memory_table
from freqkv_cli.events import Done, Event, Note, Text
from freqkv_cli.measurement.line_plot import draw_lines
from freqkv_cli.measurement.plot import require_matplotlib
from freqkv_cli.measurement.policy_specs import Subjects, open_specs
from freqkv_cli.measurement.report import memory_report
from freqkv_cli.measurement.subject import open_subject
from freqkv_cli.measurement.synthetic_text import SEED

REFERENCE = "window"
WORD = re.compile(r"\w")


@dataclass(frozen=True, slots=True)
class MemoryOptions:
    """What is measured: at most `tokens` tokens and `facts` facts of each document; ratios are to the label `reference`
    (None: window, or the first one). `adapters` is a folder of them: policies that have one there read once more.
    """

    tokens: int
    facts: int = 60
    reference: str | None = None
    plot: Path | None = None
    adapters: Path | None = None


def evaluate_memory(
    documents: Sequence[Document], settings: Settings, labels: Sequence[str], wanted: MemoryOptions
) -> Iterator[Event]:
    """Read the beginning of each document with each policy, and yield the tables as Text, then the report; after
    Ctrl-C, of what there is.
    """
    began = time.perf_counter()
    if wanted.plot is not None:
        require_matplotlib(wanted.plot)
    subject = yield from open_subject(settings, None)
    specs = open_specs(labels, subject, settings, wanted.adapters)
    known, slots = [one.label for one in specs], subject.geometry.cache_size
    if wanted.reference not in (None, *known):
        raise UsageError(f"--reference {wanted.reference}: nothing of that name is measured; {', '.join(known)} are")
    reference = wanted.reference or (REFERENCE if REFERENCE in known else known[0])
    seed = SEED if settings.seed is None else settings.seed
    texts = []
    for document in documents:
        texts.append(measured_text(document, subject.tokenizer, wanted.tokens, wanted.facts, slots, seed))
        if len(texts[-1].ids) < 2:
            raise InputError(f"{document.name} has fewer than two tokens: there is nothing to foretell")
        if len(texts[-1].facts) < wanted.facts:
            yield Note(f"{document.name}: only {len(texts[-1].facts)} facts can be asked for", warning=True)
    readings: dict[tuple[str, int], MemoryReading] = {}
    reason = "stop"
    try:
        yield from read_all(specs, Subjects(settings, subject), texts, readings)
    except KeyboardInterrupt:
        reason = "interrupted"
    pieces = subject.tokenizer.convert_ids_to_tokens
    masks = [parts(text.ids, slots, lambda token: bool(WORD.search(pieces(token)))) for text in texts]
    found = {
        "reference": reference,
        "texts": [
            {"document": text.name, "tokens": len(text.ids), "facts": [asdict(one) for one in text.facts]}
            for text in texts
        ],
        "rows": figures(readings, specs, masks, [text.name for text in texts], reference, seed),
    }
    seeded = replace(settings, seed=seed)
    report = memory_report("memory", subject, seeded, documents, found, began=began, reason=reason)
    if wanted.plot is not None and (lines := memory_lines(report)):
        x, y = "tokens between a fact and its question, in units of the slots", "facts recognised, above chance"
        title = f"{report['model']['id']}, {slots} slots"
        draw_lines(lines, wanted.plot, x=x, y=y, title=title, logarithmic=True, marker="o-")
    yield Text(memory_table(report))
    yield Done(report)
