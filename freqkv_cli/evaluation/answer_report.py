"""The report on measured answers: counts for each method, document and split, and the table made from them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from statistics import fmean
from typing import Any

from freqkv_cli.evaluation.verdicts import Scored
from freqkv_cli.measurement.rates import Rate
from freqkv_cli.measurement.table import table
from freqkv_cli.reading.session import Session

EVERYTHING = "all"  # documents, or splits
HEAD = ("method", "right", "wrong", "refused", "absent told", "passage reached", "citations stand", "s/question")
LEGEND = """\
right, wrong, refused: of the questions with an answer in the document (refused: said to be not found). absent told: of
the questions without one, those answered as not found. passage reached: the passage with the answer is among those
looked up for it. citations stand: the cited words are where the citation says. In brackets the 95 % interval (Wilson),
in %.
"""


def answers_report(
    session: Session, scored: Sequence[Scored], tokens: dict[str, dict[str, int]], seconds: float
) -> dict[str, Any]:
    """Return the JSON object of `evaluate answers --json`. `tokens`: read by each method of each document."""
    geometry, loaded = session.cache.geometry, session.loaded
    return {
        "schema_version": 1,
        "command": "evaluate answers",
        "model": {
            "id": loaded.source.id,
            "quantization": loaded.quant,
            "dtype": loaded.dtype,
            "device": loaded.device,
        },
        "cache": {"cache_size": geometry.cache_size, "retain_ratio": geometry.retain_ratio},
        "tokens": tokens,
        "tokens_read": sum(max(of_document.values(), default=0) for of_document in tokens.values()),
        "rows": rows(scored),
        "answers": [answer_row(one) for one in scored],
        "timing": {"total_s": seconds},
    }


def rows(scored: Sequence[Scored]) -> list[dict[str, Any]]:
    """Return the counts of every document and split, then over all documents, each method in its own row."""
    found = []
    for document in _with_total(one.document for one in scored):
        of_document = [one for one in scored if document in (EVERYTHING, one.document)]
        for split in _with_total(one.question.split for one in of_document):
            here = [one for one in of_document if split in (EVERYTHING, one.question.split)]
            for method in dict.fromkeys(one.method for one in here):
                counts = tally([one for one in here if one.method == method])
                found.append({"document": document, "split": split, "method": method, **counts})
    return found


def tally(scored: Sequence[Scored]) -> dict[str, Any]:
    """Return the counts of one method, as rates; `seconds` is the mean for one question."""
    present = [one for one in scored if one.question.answer is not None]
    absent = [one for one in scored if one.question.answer is None]
    reached = [one.passage_reached for one in scored if one.passage_reached is not None]
    cited = sum(len(one.record.citations) for one in scored)

    def share(of: Sequence[Scored], holds: Callable[[Scored], bool]) -> dict[str, object]:
        return Rate(sum(map(holds, of)), len(of)).as_json()

    return {
        "right": share(present, lambda one: one.verdict == "right"),
        "wrong": share(present, lambda one: one.verdict == "wrong"),
        "refused": share(present, lambda one: one.verdict == "not found"),
        "absent_told": share(absent, lambda one: one.verdict == "not found"),
        "passage_reached": Rate(sum(reached), len(reached)).as_json(),
        "citations_standing": Rate(sum(one.citations_standing for one in scored), cited).as_json(),
        "seconds": round(fmean(one.record.seconds for one in scored), 3) if scored else None,
    }


def answer_row(scored: Scored) -> dict[str, Any]:
    """Return one answer for the report."""
    question, record = scored.question, scored.record
    return {
        "document": scored.document,
        "method": scored.method,
        "id": question.id,
        "split": question.split,
        "question": question.text,
        "expected": question.answer,
        "text": record.text,
        "verdict": scored.verdict,
        "not_found": record.not_found,
        "seconds": round(record.seconds, 3),
        "citations": [asdict(citation) for citation in record.citations],
        "citations_standing": scored.citations_standing,
        "passage_reached": scored.passage_reached,
        "passages": list(record.passages),
    }


def answers_table(report: dict[str, Any]) -> str:
    """Return a table for each document and split of a report, with a legend."""
    sections: dict[str, list[list[str]]] = {}
    for row in report["rows"]:
        split = "all questions" if row["split"] == EVERYTHING else f"split {row['split']}"
        document = "all documents" if row["document"] == EVERYTHING else row["document"]
        sections.setdefault(f"{document}, {split}", []).append(_cells(row))
    model, slots = report["model"]["id"], report["cache"]["cache_size"]
    tables = [f"{title}\n\n{table(HEAD, lines)}" for title, lines in sections.items()]
    return "\n".join([f"{model}, {slots} slots\n", *tables, LEGEND])


def _cells(row: dict[str, Any]) -> list[str]:
    rates = ("right", "wrong", "refused", "absent_told", "passage_reached", "citations_standing")
    shown = [str(Rate(row[name]["hits"], row[name]["total"])) for name in rates]
    return [row["method"], *shown, "-" if row["seconds"] is None else f"{row['seconds']:.1f}"]


def _with_total(names: Iterator[str]) -> list[str]:
    """The different names in their order, then the name for all of them unless there is one only."""
    different = list(dict.fromkeys(names))
    return different if len(different) == 1 else [*different, EVERYTHING]
