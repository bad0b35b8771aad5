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
from freqkv_cli.evaluation.asking import Outcome, put
from freqkv_cli.evaluation.needle_figures import AskedItem, halves, rows
from freqkv_cli.evaluation.needle_items import KINDS, Item, Quiz, document_sentences, make_quiz
from freqkv_cli.evaluation.needle_table import recall_table
from freqkv_cli.evaluation.policy_specs import Contender, Subjects, open_contenders, shrunk
from freqkv_cli.events import Done, Event, Note, Text
from freqkv_cli.inference.engine import Engine
from freqkv_cli.kvcache.cache import FreqkvCache
from freqkv_cli.measurement.line_plot import PlotLine, draw_lines
from freqkv_cli.measurement.plot import require_matplotlib
from freqkv_cli.measurement.reading_progress import reading_progress
from freqkv_cli.measurement.report import memory_report
from freqkv_cli.measurement.subject import open_subject
from freqkv_cli.measurement.synthetic_text import SEED, synthetic_lines
from freqkv_cli.reading.prompt import encode_text

DISTANCES = (0.25, 0.5, 1, 2, 4, 8, 16, 32, 64)  # between a fact and its question, in units of the slots
FIRST = "Question: What is the pass key? Look for it in the following text.\n\n"


@dataclass(frozen=True, slots=True)
class NeedleOptions:
    """What is asked: kinds of facts, at most `items` of each kind, in a text of `tokens` tokens; the question known
    before the reading (`first`: the pass key alone) or not.
    """

    tokens: int
    kinds: tuple[str, ...] = KINDS
    items: int = 12
    first: bool = False

    def __post_init__(self) -> None:
        for kind in self.kinds:
            if kind not in KINDS:
                raise UsageError(f"--kinds: there is no {kind}; choose from: {', '.join(KINDS)}")
        if not self.kinds or (self.first and "passkey" not in self.kinds):
            raise UsageError("--kinds names nothing to ask for; --query-first asks for the passkey")


def evaluate_recall(
    documents: Sequence[Document],
    settings: Settings,
    labels: Sequence[str],
    wanted: NeedleOptions,
    plot: Path | None = None,
    adapters: Path | None = None,
) -> Iterator[Event]:
    """Ask every contender and yield the table as Text, then the report; after Ctrl-C, what there is.

    With a folder of `adapters`, each policy that has one there is asked once more with it.
    """
    began = time.perf_counter()
    if plot is not None:
        require_matplotlib(plot)
    subject = yield from open_subject(settings, None)
    seed = SEED if settings.seed is None else settings.seed
    kinds = ("passkey",) if wanted.first else wanted.kinds
    pages = (page.text for document in documents for page in document.pages())
    filler = document_sentences(pages) if documents else (line.strip() for line in synthetic_lines(seed))
    quiz = make_quiz(filler, subject.tokenizer, wanted.tokens, kinds, wanted.items, seed)
    if not quiz.items:
        raise InputError("the text is too short to hold a fact: give a longer one")
    missing = [kind for kind in kinds if kind not in {item.kind for item in quiz.items}]
    if missing and documents:
        yield Note(f"the text has nothing for: {', '.join(missing)}", warning=True)
    asked: list[AskedItem] = []
    reason = "stop"
    try:
        contenders = open_contenders(labels, subject, settings, adapters)
        yield from ask_all(contenders, Subjects(settings, subject), quiz, wanted.first, asked)
    except KeyboardInterrupt:
        reason = "interrupted"
    distances = [share * subject.geometry.cache_size for share in DISTANCES]
    found = rows(asked, distances, subject.geometry.cache_size)
    measured = {
        "adapter": settings.adapter,
        "query": "first" if wanted.first else "last",
        "tokens": len(quiz.ids),
        "tokens_read": len(quiz.ids) if asked else 0,
        "rows": found,
        "halves": halves(found),
        "asked": [one.as_json(len(quiz.ids)) for one in asked],
    }
    seeded = replace(settings, seed=seed)
    report = memory_report("recall", subject, seeded, documents, measured, began=began, reason=reason)
    if plot is not None and asked:
        title = f"{report['model']['id']}, {subject.geometry.cache_size} slots"
        x, y = "tokens between a fact and its question", "share of right answers put first"
        draw_lines(lines(found), plot, x=x, y=y, title=title, logarithmic=True, marker="o-")
    yield Text(recall_table(report))
    yield Done(report)


def ask_all(
    contenders: Sequence[Contender], subjects: Subjects, quiz: Quiz, first: bool, asked: list[AskedItem]
) -> Generator[Event, None, None]:
    """Let every contender read, and ask on the way; what is answered goes into `asked`."""
    tokenizer, slots = subjects.first.tokenizer, subjects.first.geometry.cache_size
    prefix = encode_text(tokenizer, FIRST) if first else []
    lengths = [min(len(quiz.ids), (one.limit or len(quiz.ids)) * 3 // 4) for one in contenders]
    total, done, began = sum(lengths), 0, time.perf_counter()
    for contender, length in zip(contenders, lengths, strict=True):
        subject = yield from subjects.of(contender)
        engine = contender.new_engine(subject)
        # A question needs room beside what has been read, where nothing can be compressed.
        cache = pinning(shrunk(contender, len(prefix) + length * 4 // 3 + 1), len(prefix)).new_cache(subject)
        engine.read(cache, prefix)
        at = 0
        for stop, due in stops(quiz.items, slots, length):
            for size in engine.prefill(cache, quiz.ids[at:stop]):
                done += size
                yield reading_progress(contender.label, done, total, began)
            at = stop
            for item in due:
                rank, exact = ask(engine, cache, tokenizer, item)
                asked.append(AskedItem(contender.label, item.kind, item.place, stop - item.place, rank, exact))


def pinning(contender: Contender, tokens: int) -> Contender:
    """Return the contender with at least so many sinks."""
    slots = contender.geometry
    if slots.sink_tokens >= tokens:
        return contender
    return replace(contender, geometry=replace(slots, sink_tokens=tokens))


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


def ask(engine: Engine, cache: FreqkvCache, tokenizer: Any, item: Item) -> Outcome:
    """Put the question of an item to a fork of `cache`."""
    cue = encode_text(tokenizer, f" {item.cue}")
    return put(engine, cache, cue, [encode_text(tokenizer, text) for text in (item.answer, *item.others)])


def lines(found: Sequence[dict[str, Any]]) -> list[PlotLine]:
    """Return one line for each policy and kind."""
    drawn: dict[str, list[tuple[float, float]]] = {}
    for row in found:
        drawn.setdefault(f"{row['policy']}, {row['kind']}", []).append((row["distance"], row["first"]["share"]))
    return [PlotLine(label, points) for label, points in drawn.items()]
