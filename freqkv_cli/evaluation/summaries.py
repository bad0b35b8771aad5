"""Measures summaries of documents of which it is known what a summary should tell.

    freqkv evaluate summaries SUMMARIES.jsonl --folder DOCUMENTS

A line of the file has `file`, `split`, `first` (expressions that the first sentence should match: what kind of document
it is, and about what), `end` (what of the end should be mentioned) and `topics`, each with its `tenth` of the document
(1 to 10) and `a`, which a summary that mentions it matches. tests/data/answers/README.md says more.
"""

import re
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from freqkv_cli.config import Settings
from freqkv_cli.documents.document import Document, open_document
from freqkv_cli.errors import FreqkvError, UsageError
from freqkv_cli.evaluation.question_file import FLAGS, Expression, read_lines
from freqkv_cli.evaluation.row_log import RowLog, open_rows
from freqkv_cli.evaluation.summary_scores import (
    Topic,
    invented,
    mentioned,
    order,
    own_sentences,
    repeated,
)
from freqkv_cli.evaluation.summary_table import summaries_table
from freqkv_cli.events import Done, Event, Note, Text
from freqkv_cli.measurement.environment import environment
from freqkv_cli.reading.report import answer_report
from freqkv_cli.retrieval.language import detect_language
from freqkv_cli.retrieval.sentences import clean_sentences
from freqkv_cli.states.opening import open_reading
from freqkv_cli.summarizing.summarize import summarize
from freqkv_cli.summarizing.summary import TOKENS_PER_WORD, request_for, words_wanted

USAGE = "freqkv evaluate summaries SUMMARIES.jsonl [--folder DOCUMENTS]"


@dataclass(frozen=True, slots=True)
class Expected:
    """What a summary of the document at `path` should tell, as regular expressions."""

    path: Annotated[Path, Field(alias="file")]
    topics: tuple[Topic, ...]
    split: str = ""
    first: tuple[Expression, ...] = ()
    end: Expression | None = None


def read_expected(names: Sequence[str], folder: str | None = None, split: str = "all") -> list[Expected]:
    """Return what the files say of this split; documents are in `folder`, else beside the file.

    Raises UsageError without any, InputError for a line that is not as described above.
    """
    found = [
        replace(one, path=Path(folder or Path(name).parent) / one.path)
        for name in names
        for one in read_lines(name, Expected)
        if split in ("all", one.split)
    ]
    if not found:
        raise UsageError(f"no summaries to measure: {USAGE}")
    return found


def evaluate_summaries(
    expected: Sequence[Expected], settings: Settings, rows_file: Path | None = None, *, memory: bool = False
) -> Iterator[Event]:
    """Summarise each document by itself, with `memory` from that alone, and yield the table as Text, then the report;
    `rows_file` gets each summary with its figures as a JSON line. A document that cannot be read is said to be so and
    has no figures.
    """
    began = time.perf_counter()
    reason = "stop"
    with ExitStack() as stack:
        rows = RowLog(stack.enter_context(open_rows(rows_file)) if rows_file else None)
        try:
            for one in expected:
                try:
                    with open_document(
                        str(one.path), pages=settings.pages, encoding=settings.encoding, ocr=settings.ocr
                    ) as document:
                        report = yield from (remembered if memory else summarized)(document, settings)
                        rows.add({**measure(one, text_of(document), report), "document_kind": document.kind})
                except FreqkvError as error:
                    yield Note(f"{one.path}: {error.message}", warning=True)
                    rows.add({"path": str(one.path), "file": one.path.name, "split": one.split, "error": error.message})
        except KeyboardInterrupt:
            reason = "interrupted"
    found = {"command": "evaluate summaries", "finish_reason": reason, "summaries": rows.kept}
    yield Text(summaries_table(rows.kept))
    timing = {"total_s": round(time.perf_counter() - began, 3)}
    yield Done({"schema_version": 1, **found, "environment": environment("cpu"), "timing": timing})


def summarized(document: Document, settings: Settings) -> Generator[Event, None, dict[str, Any]]:
    """Run summarize; its progress and notes pass, its text does not. Raises KeyboardInterrupt when it was stopped."""
    report: dict[str, Any] = {}
    for event in summarize([document], replace(settings, notes=False)):
        if isinstance(event, Done):
            report = event.report
        elif not isinstance(event, Text):
            yield event
    if report.get("finish_reason") == "interrupted":
        raise KeyboardInterrupt
    return report


def remembered(document: Document, settings: Settings) -> Generator[Event, None, dict[str, Any]]:
    """Have the model write a summary from what its cache holds after the reading: no notes, nothing looked up."""
    session = yield from open_reading([document], settings)
    words = words_wanted(session)
    limit = settings.max_tokens or words * TOKENS_PER_WORD + 40
    answer = yield from session.answer(request_for(session, words), limit, quiet=True)
    report = answer_report("summarize", session, answer, notes=[], citations=[], extract=False)
    report["timing"]["notes_s"] = 0.0
    return report


def text_of(document: Document) -> str:
    """Return the whole text of a document."""
    return "\n".join(page.text for page in document.pages())


def measure(one: Expected, text: str, report: dict[str, Any]) -> dict[str, Any]:
    """Return what is to be said about the summary of `text` in a report of summarize. Times are seconds."""
    language = detect_language(text)
    sentences = [citation["sentence"] for citation in report["citations"]] or clean_sentences(report["text"], language)
    told, timing = " ".join(sentences), report["timing"]
    topics = mentioned(one.topics, sentences)
    tenths = sorted({topic.tenth for topic in one.topics})
    opening = sentences[0] if sentences else ""
    tau = order(topics)
    return {
        "path": str(one.path),
        "file": one.path.name,
        "split": one.split,
        "language": language,
        "topics": len(one.topics),
        "topics_told": len(topics),
        "topics_missed": [topic.expression for topic in one.topics if topic not in [known for known, _ in topics]],
        "tenths": len(tenths),
        "tenths_told": len({topic.tenth for topic, _ in topics}),
        "first": len(one.first),
        "first_told": sum(re.search(expression, opening, FLAGS) is not None for expression in one.first),
        "end_told": None if one.end is None else re.search(one.end, told, FLAGS) is not None,
        "sentences": len(sentences),
        "own": own_sentences(sentences, text),
        "invented": invented(sentences, text),
        "repeated": repeated(sentences),
        "order": None if tau is None else round(tau, 2),
        "words": len(told.split()),
        "extract": report["extract"],
        "tokens_read": report["tokens_read"],
        "read_s": timing["read_s"],
        "notes_s": timing["notes_s"],
        "write_s": timing["answer_s"],
        "model": report["model"],
        "cache": report["cache"],
        "notes": [note["text"] for note in report["notes"]],
        "text": report["text"],
        "error": None,
    }
