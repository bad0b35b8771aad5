"""Question files: one JSON object a line, each a question whose right answer is known; the first may be a header.

The header names the document: `document` (file name), `title`, `source` (how to get it) and `sha256`. A question has

| field | meaning |
|---|---|
| `id`, `q` | its name and its wording |
| `a` | regular expression, in any case, that a right answer matches; null when the answer is not in the document |
| `where` | rough place of the answer in the document, 0 to 1, or null |
| `page` | page of the answer, for documents that have pages |
| `split` | `tune` or `test`: whether the tool may be tuned on it |
| `passage` | regular expression that the passage with the answer matches; `a` without it |
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from freqkv_cli.errors import InputError, UsageError

UNSPLIT = "unsplit"  # the split of files that do not divide their questions
SUFFIX = ".jsonl"


@dataclass(frozen=True, slots=True)
class Question:
    """One question. `answer` is None when the document does not hold one; `passage` is None with it."""

    id: str
    text: str
    answer: str | None
    where: float | None = None
    page: int | None = None
    split: str = UNSPLIT
    passage: str | None = None


@dataclass(frozen=True, slots=True)
class QuestionFile:
    """The questions about one document, and what is known of it."""

    name: str
    questions: tuple[Question, ...]
    document: str | None = None
    title: str | None = None
    source: str | None = None
    sha256: str | None = None


def bundled_names() -> list[str]:
    """Return the names of the question files that come with freqkv."""
    folder = files("freqkv_cli.evaluation") / "questions"
    return sorted(file.name.removesuffix(SUFFIX) for file in folder.iterdir() if file.name.endswith(SUFFIX))


def read_question_file(name: str) -> QuestionFile:
    """Return the question file at this path, or the bundled one of this name.

    Raises UsageError when there is neither, InputError for a file that is not as described above.
    """
    if name in bundled_names():
        text = (files("freqkv_cli.evaluation") / "questions" / f"{name}{SUFFIX}").read_text(encoding="utf-8")
        return parse_questions(name, text)
    path = Path(name)
    if not path.is_file():
        raise UsageError(f"{name} is neither a question file nor one of those that come with freqkv: {_known()}")
    try:
        return parse_questions(path.stem, path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{name} cannot be read as a UTF-8 question file: {error}") from None


def parse_questions(name: str, text: str) -> QuestionFile:
    """Return the questions of a file's text. Raises InputError that names the line which is wrong."""
    header: dict[str, Any] = {}
    questions: dict[str, Question] = {}
    for number, row in _rows(name, text):
        if "document" in row and not header and not questions:
            header = {key: row.get(key) for key in ("document", "title", "source", "sha256")}
            continue
        question = _question(f"{name}, line {number}", row)
        if question.id in questions:
            raise InputError(f"{name}, line {number}: the id {question.id} is taken; give each question its own")
        questions[question.id] = question
    if not questions:
        raise InputError(f"{name} holds no question: write one JSON object a line, with id, q and a")
    return QuestionFile(name, tuple(questions.values()), **header)


def _rows(name: str, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict):
            raise InputError(f"{name}, line {number} is not a JSON object: write one object a line, with id, q and a")
        yield number, row


def _question(place: str, row: dict[str, Any]) -> Question:
    if not {"id", "q", "a"} <= row.keys():
        raise InputError(f"{place}: a question needs id, q and a (null when the answer is not in the document)")
    for field in ("a", "passage"):
        if row.get(field) is None:
            continue
        try:
            re.compile(row[field])
        except (re.error, TypeError) as error:
            raise InputError(
                f"{place}: {field} is not a regular expression ({error}); escape what is special"
            ) from None
    passage = row.get("passage") or row["a"]
    return Question(
        str(row["id"]), str(row["q"]), row["a"], row.get("where"), row.get("page"), row.get("split") or UNSPLIT, passage
    )


def _known() -> str:
    return ", ".join(bundled_names())
