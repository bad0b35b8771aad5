"""The report on measured answers: counts for each method, by kind of question and of document, and the tables."""

from collections import Counter
from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Any

from freqkv_cli.config import Settings
from freqkv_cli.documents.document import Document
from freqkv_cli.measurement.rates import Rate
from freqkv_cli.measurement.report import memory_report
from freqkv_cli.measurement.subject import Subject
from freqkv_cli.measurement.table import table

VERDICTS = ("quoted", "supported", "not found")
GROUPS = {"split": "split", "kind of question": "kind", "kind of document": "document_kind"}
HEAD = ("right", "refused", "absent told", "passage found", " / ".join(VERDICTS), "s/question")
LEGEND = """\
right, refused: of the questions whose answer is in the document, by the answer alone, quotes do not count (refused:
said not to be found, which is wrong). absent told: of the others, those answered as not found; - for methods that never
say so. passage found: a passage with the answer was among those read for it. In brackets the 95 % interval, in %.
quoted / supported / not found: verdicts on the sentences of the answers. s/question: the mean.
"""


def answers_report(
    subject: Subject,
    settings: Settings,
    documents: Sequence[Document],
    found: dict[str, Any],
    *,
    began: float,
    reason: str,
) -> dict[str, Any]:
    """Return the JSON object of `evaluate answers --json`, with what was `found`: `answers` are the rows, `left_out`
    counts questions without a document, by path.
    """
    found = {"groups": groups(found["answers"]), **found}
    return memory_report("answers", subject, settings, documents, found, began=began, reason=reason)


def groups(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the counts of every method: over all questions, then for each split, kind of question and of document."""
    found = []
    for method in dict.fromkeys(row["method"] for row in rows):
        of_method = [row for row in rows if row["method"] == method]
        found.append({"method": method, "by": "all", "name": "all questions", **tally(of_method)})
        for by, field in GROUPS.items():
            names = list(dict.fromkeys(row[field] for row in of_method))
            for name in names if len(names) > 1 else []:
                here = [row for row in of_method if row[field] == name]
                found.append({"method": method, "by": by, "name": name, **tally(here)})
    return found


def tally(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the counts of some answers, as rates; `seconds` is the mean for a question."""
    present = [row for row in rows if row["expected"] is not None]
    absent = [row for row in rows if row["expected"] is None]
    judged = [row for row in absent if row["found"] is not None or row["error"] is not None]
    looked = [row for row in rows if row["passage_found"] is not None]
    verdicts = Counter(verdict for row in rows for verdict in row["verification"])
    times = [row["seconds"] for row in rows if row["seconds"] is not None]

    def share(of: Sequence[dict[str, Any]], holds: Callable[[dict[str, Any]], bool]) -> dict[str, object]:
        return Rate(sum(map(holds, of)), len(of)).as_json()

    return {
        "questions": len(rows),
        "right": share(present, lambda row: row["outcome"] == "right"),
        "refused": share(present, lambda row: row["outcome"] == "refused"),
        "absent_told": share(judged, lambda row: row["outcome"] == "told"),
        "passage_found": share(looked, lambda row: row["passage_found"]),
        "verification": {verdict: verdicts[verdict] for verdict in VERDICTS},
        "unread": sum(row["error"] is not None for row in rows),
        "seconds": round(fmean(times), 3) if times else None,
    }


def answers_table(report: dict[str, Any]) -> str:
    """Return the methods side by side, then for each method its groups, with a legend."""
    found = report["groups"]
    methods = list(dict.fromkeys(row["method"] for row in found))
    model, cache = report["model"], report["cache"]
    parts = [f"{model['id']}, {model['quantization']}, {cache['cache_size']} slots\n"]
    if len(methods) > 1:
        parts.append(table(("method", *HEAD), [cells(row["method"], row) for row in found if row["by"] == "all"]))
    for method in methods:
        for by in ("all", *GROUPS) if len(methods) == 1 else GROUPS:
            if lines := [cells(row["name"], row) for row in found if (row["method"], row["by"]) == (method, by)]:
                parts.append(table((f"{method}: {by}", *HEAD), lines))
    if left_out := sum(report["left_out"].values()):
        parts.append(f"{left_out} questions left out: their documents are not there\n")
    if unread := sum(row["unread"] for row in found if row["by"] == "all"):
        parts.append(f"{unread} answers count as wrong: document or question could not be read\n")
    return "\n".join([*parts, LEGEND])


def cells(name: str, row: dict[str, Any]) -> list[str]:
    """Return a line of a table."""
    rates = [str(Rate(row[key]["hits"], row[key]["total"])) for key in ("right", "refused", "absent_told")]
    looked = str(Rate(row["passage_found"]["hits"], row["passage_found"]["total"]))
    verdicts = " / ".join(str(count) for count in row["verification"].values())
    return [name or "-", *rates, looked, verdicts, "-" if row["seconds"] is None else f"{row['seconds']:.1f}"]
