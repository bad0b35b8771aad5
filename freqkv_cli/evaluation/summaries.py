"""Measures summaries: how much of a document they reach, and what is wrong with them.

freqkv evaluate summaries DOCUMENT... [--report FILE]...
"""

import json
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from freqkv_cli.config import Settings
from freqkv_cli.documents.document import Document
from freqkv_cli.errors import InputError
from freqkv_cli.evaluation.prose import sentences, vocabulary
from freqkv_cli.evaluation.summary_scores import (
    chat_phrases,
    invented_names,
    is_cut_off,
    reach,
    repeated_sentences,
    stretches,
)
from freqkv_cli.events import Done, Event, Text
from freqkv_cli.measurement.table import table
from freqkv_cli.summarizing.outline import without_notes
from freqkv_cli.summarizing.summarize import WORDS, summarize

HEAD = (
    "document",
    "tenths reached",
    "by a note",
    "mentioned",
    "notes (quoted)",
    "invented",
    "repeated",
    "cut off",
    "chat",
    "words",
    "notes/reading s",
)
LEGEND = """\
tenths reached: the summary or its notes mention a name or heading found in few other tenths, or a note on that tenth
mentions a name from it (by a note). mentioned: such names and headings, tenth by tenth. quoted: notes that are the
document's own words. invented: names that are not in the document. repeated, chat: sentences that say something again,
or talk to the user. words: given / asked for. notes/reading s: seconds for the notes and for reading.
"""


def evaluate_summaries(
    documents: Sequence[Document], settings: Settings, reports: Sequence[dict[str, Any]] | None = None
) -> Iterator[Event]:
    """Summarise each document by itself (or take its report) and yield the table as Text, then the report."""
    began = time.perf_counter()
    asked = WORDS[settings.length] if isinstance(settings.length, str) else settings.length
    found = []
    for number, document in enumerate(documents):
        report = reports[number] if reports else (yield from summarize_one(document, settings))
        text, headings = read_whole(document)
        found.append({"document": document.name, **measure(text, headings, report, asked)})
    yield Text(summaries_table(found))
    yield Done(
        {
            "schema_version": 1,
            "command": "evaluate summaries",
            "summaries": found,
            "tokens_read": sum(row["tokens_read"] for row in found),
            "timing": {"total_s": round(time.perf_counter() - began, 3)},
        }
    )


def summarize_one(document: Document, settings: Settings) -> Generator[Event, None, dict[str, Any]]:
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


def read_report(path: str) -> dict[str, Any]:
    """Return the output of `freqkv summarize --json` in a file, without the outline of `--notes` in its text.

    Raises InputError when it is not one.
    """
    try:
        report = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as a report ({error}): give the output of summarize --json") from None
    if not isinstance(report, dict) or not isinstance(report.get("text"), str):
        raise InputError(f"{path} has no summary in it: give the output of summarize --json")
    return {**report, "text": without_notes(report["text"])}


def read_whole(document: Document) -> tuple[str, list[tuple[float, str]]]:
    """Return the text of a document and, for each heading, the share of the text before it."""
    pieces: list[str] = []
    starts: list[tuple[int, str]] = []
    length = 0
    for page in document.pages():
        if page.heading and (not starts or starts[-1][1] != page.heading):
            starts.append((length, page.heading))
        piece = page.text if page.first_line is not None else f"{page.text}\n\n"
        pieces.append(piece)
        length += len(piece)
    return "".join(pieces), [(start / length, heading) for start, heading in starts]


def measure(
    text: str, headings: Sequence[tuple[float, str]], report: dict[str, Any], words_asked: int | None = None
) -> dict[str, Any]:
    """Return what is to be said about the summary of `text` in a report of summarize: `text` and, if any, `notes`."""
    summary, notes = report["text"], report.get("notes") or []
    told = [summary, *(str(note["text"]) for note in notes)]
    known = vocabulary(text)
    reaches = [reach(tenth, number, summary, notes) for number, tenth in enumerate(stretches(text, headings))]
    return {
        "tenths": [
            {"known": one.known, "mentioned": list(one.mentioned), "noted": one.noted, "reached": one.reached}
            for one in reaches
        ],
        "tenths_reached": sum(one.reached for one in reaches),
        "tenths_noted": sum(one.noted for one in reaches),
        "notes": len(notes),
        "notes_quoted": sum(bool(note.get("quoted")) for note in notes),
        "sentences_quoted": report.get("quoted"),
        "withheld": report.get("withheld"),
        "notes_s": (report.get("timing") or {}).get("notes_s"),
        "read_s": (report.get("timing") or {}).get("read_s"),
        "invented": list(dict.fromkeys(name for piece in told for name in invented_names(piece, known))),
        "repeated": repeated_sentences(summary),
        "repeated_notes": repeated_sentences("\n\n".join(told[1:])),
        "cut_off": is_cut_off(summary, report.get("finish_reason", "stop")),
        "cut_off_notes": sum(is_cut_off(note) for note in told[1:]),
        "chat": [sentence for piece in told for sentence in chat_phrases(piece)],
        "sentences": sum(1 for _ in sentences(summary)),
        "words": len(summary.split()),
        "words_asked": words_asked,
        "tokens_read": report.get("tokens_read", 0),
        "text": summary,
    }


def whole(seconds: float | None) -> str:
    """Return seconds without decimals; a report may lack them."""
    return "-" if seconds is None else f"{seconds:.0f}"


def summaries_table(found: Sequence[dict[str, Any]]) -> str:
    """Return the table of measured summaries, with what was invented, repeated or said to the user below it."""
    rows = [
        (
            Path(row["document"]).name,
            f"{row['tenths_reached']}/10",
            f"{row['tenths_noted']}/10",
            " ".join(str(len(tenth["mentioned"])) for tenth in row["tenths"]),
            f"{row['notes']} ({row['notes_quoted']})",
            str(len(row["invented"])),
            str(len(row["repeated"]) + len(row["repeated_notes"])),
            "yes" if row["cut_off"] else f"{row['cut_off_notes']} notes" if row["cut_off_notes"] else "no",
            str(len(row["chat"])),
            f"{row['words']}/{row['words_asked'] or '-'}",
            f"{whole(row['notes_s'])}/{whole(row['read_s'])}",
        )
        for row in found
    ]
    details = [
        f"{Path(row['document']).name}, {kind}: {item}\n"
        for row in found
        for kind in ("invented", "repeated", "repeated_notes", "chat")
        for item in row[kind]
    ]
    return "\n".join([table(HEAD, rows), *(["".join(details)] if details else []), LEGEND])
