"""Measures how long a memory holds: facts in a text, asked for again and again as the reading goes on.

freqkv evaluate recall [FILE...] [--policies NAMES]

Each policy reads the text once; every question is put to a fork, so that none changes what the next one finds.
"""

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from freqkv_cli.config import Settings
from freqkv_cli.documents.document import Document
from freqkv_cli.errors import InputError, UsageError
from freqkv_cli.evaluation.needle_items import KINDS, Item, Quiz, document_sentences, make_quiz
from freqkv_cli.evaluation.needle_rates import AskedItem, recall_table, rows
from freqkv_cli.events import Done, Event, Note, Text
from freqkv_cli.inference.engine import Engine
from freqkv_cli.inference.sampling import Sampler, Sampling
from freqkv_cli.kvcache.cache import FreqkvCache
from freqkv_cli.measurement.line_plot import PlotLine, draw_lines
from freqkv_cli.measurement.plot import require_matplotlib
from freqkv_cli.measurement.policy_specs import PolicySpec, Subjects, open_specs, shrunk
from freqkv_cli.measurement.reading_progress import reading_progress
from freqkv_cli.measurement.report import memory_report
from freqkv_cli.measurement.subject import open_subject
from freqkv_cli.measurement.synthetic_text import SEED, synthetic_lines
from freqkv_cli.reading.prompt import encode_text

DISTANCES = (0.25, 0.5, 1, 2, 4, 8, 16, 32, 64)  # between a fact and its question, in units of the slots


@dataclass(frozen=True, slots=True)
class NeedleOptions:
    """What is asked: kinds of facts, at most `items` of each kind, in a text of `tokens` tokens."""

    tokens: int
    kinds: tuple[str, ...] = KINDS
    items: int = 12

    def __post_init__(self) -> None:
        for kind in self.kinds:
            if kind not in KINDS:
                raise UsageError(f"--kinds: there is no {kind}; choose from: {', '.join(KINDS)}")
        if not self.kinds:
            raise UsageError("--kinds names nothing to ask for")


def evaluate_recall(
    documents: Sequence[Document],
    settings: Settings,
    labels: Sequence[str],
    wanted: NeedleOptions,
    plot: Path | None = None,
    adapters: Path | None = None,
) -> Iterator[Event]:
    """Ask the memory of every policy and yield the table as Text, then the report; after Ctrl-C, what there is.

    With a folder of `adapters`, each policy that has one there is asked once more with it.
    """
    began = time.perf_counter()
    if plot is not None:
        require_matplotlib(plot)
    subject = yield from open_subject(settings, None)
    seed = SEED if settings.seed is None else settings.seed
    pages = (page.text for document in documents for page in document.pages())
    filler = document_sentences(pages) if documents else (line.strip() for line in synthetic_lines(seed))
    quiz = make_quiz(filler, subject.tokenizer, wanted.tokens, wanted.kinds, wanted.items, seed)
    if not quiz.items:
        raise InputError("the text is too short to hold a fact: give a longer one")
    missing = [kind for kind in wanted.kinds if kind not in {item.kind for item in quiz.items}]
    if missing and documents:
        yield Note(f"the text has nothing for: {', '.join(missing)}", warning=True)
    asked: list[AskedItem] = []
    reason = "stop"
    try:
        yield from ask_all(open_specs(labels, subject, settings, adapters), Subjects(settings, subject), quiz, asked)
    except KeyboardInterrupt:
        reason = "interrupted"
    slots = subject.geometry.cache_size
    measured = {
        "adapter": settings.adapter,
        "tokens": len(quiz.ids),
        "tokens_read": len(quiz.ids) if asked else 0,
        "rows": rows(asked, slots),
        "asked": [one.as_json(len(quiz.ids)) for one in asked],
    }
    seeded = replace(settings, seed=seed)
    report = memory_report("recall", subject, seeded, documents, measured, began=began, reason=reason)
    if plot is not None and asked:
        x, y = "tokens between a fact and its question", "share of right answers put first"
        title = f"{report['model']['id']}, {slots} slots"
        draw_lines(lines(report["rows"]), plot, x=x, y=y, title=title, logarithmic=True, marker="o-")
    yield Text(recall_table(report))
    yield Done(report)


def ask_all(
    specs: Sequence[PolicySpec], subjects: Subjects, quiz: Quiz, asked: list[AskedItem]
) -> Generator[Event, None, None]:
    """Let every policy read, and ask on the way; what is answered goes into `asked`."""
    tokenizer, slots = subjects.first.tokenizer, subjects.first.geometry.cache_size
    # A question needs room behind what has been read, where nothing can be compressed.
    lengths = [min(len(quiz.ids), (one.limit or len(quiz.ids)) * 3 // 4) for one in specs]
    total, done, began = sum(lengths), 0, time.perf_counter()
    for spec, length in zip(specs, lengths, strict=True):
        subject = yield from subjects.of(spec)
        engine = spec.new_engine(subject)
        cache = shrunk(spec, length * 4 // 3 + 1).new_cache(subject)
        at = 0
        for stop, due in stops(quiz.items, slots, length):
            for size in engine.prefill(cache, quiz.ids[at:stop]):
                done += size
                yield reading_progress(spec.label, done, total, began)
            at = stop
            for item in due:
                rank, exact = ask(engine, cache, tokenizer, item)
                asked.append(AskedItem(spec.label, item.kind, item.place, stop - item.place, rank, exact))


def stops(items: Sequence[Item], slots: int, length: int) -> list[tuple[int, list[Item]]]:
    """Return where a reading of `length` tokens stops, and what is asked there; at the end nothing may be due.

    Distances are in units of `slots`.
    """
    due: dict[int, list[Item]] = {length: []}
    for item in items:
        for share in DISTANCES:
            place = item.place + round(share * slots)
            if place <= length:
                due.setdefault(place, []).append(item)
    return sorted(due.items())


def ask(engine: Engine, cache: FreqkvCache, tokenizer: Any, item: Item) -> tuple[int, bool]:
    """Ask a fork of `cache`, which stays as it is. Return how many wrong answers were at least as likely as the right
    one, and whether the model, where there was none, wrote the right one by itself.
    """
    cue = encode_text(tokenizer, f" {item.cue}")
    answers = [encode_text(tokenizer, text) for text in (item.answer, *item.others)]
    fork = cache.fork()
    fork.make_room(len(cue) + sum(map(len, answers)))
    logits = engine.read(fork, cue)
    assert logits is not None
    right, *wrong = engine.score_continuations(fork, logits, answers)
    if rank := sum(one >= right for one in wrong):
        return rank, False
    written = engine.decode(fork, logits, Sampler(Sampling()), stop=frozenset(), max_tokens=len(answers[0]))
    return 0, list(written) == answers[0]


def lines(found: Sequence[dict[str, Any]]) -> list[PlotLine]:
    """Return one line for each policy and kind."""
    drawn: dict[str, list[tuple[float, float]]] = {}
    for row in found:
        drawn.setdefault(f"{row['policy']}, {row['kind']}", []).append((row["distance"], row["first"]["share"]))
    return [PlotLine(label, points) for label, points in drawn.items()]
