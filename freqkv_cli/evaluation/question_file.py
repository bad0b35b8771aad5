"""Question files: one JSON object a line, each a question whose right answer is known (tests/data/answers/README.md).

| field | meaning |
|---|---|
| `q`, `a` | the question; the regular expression that a right answer matches, null where the document does not say |
| `file` | the document; without it the document is named on the command line |
| `kind` | of question; `fact` or `absent` without it |
| `split` | `tuned` or `held_back`: whether the tool may be tuned on it |
| `passage` | regular expression that the passage with the answer matches, white space folded |
| `follows` | the `q` that was asked before, for a question that leans on it |

Expressions hold in any case, and `.` matches line ends. A file `documents.jsonl` beside the questions, or in the folder
of the documents, says of what `kind` each `file` is, and with `sha256` which version the questions were written for.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from freqkv_cli.errors import InputError, UsageError

SUFFIX = ".jsonl"
ABOUT = "documents.jsonl"
FLAGS = re.IGNORECASE | re.DOTALL
USAGE = "freqkv evaluate answers QUESTIONS.jsonl [DOCUMENT] [--folder DOCUMENTS]"


@dataclass(frozen=True, slots=True)
class ExamQuestion:
    """One question. `answer` is None when the document does not hold one; `file` when it does not name the document."""

    text: str
    answer: str | None
    kind: str
    file: str | None = None
    split: str = ""
    passage: str | None = None
    follows: str | None = None


@dataclass(frozen=True, slots=True)
class Examination:
    """A document, its `kind` where that is known, the `sha256` that it should have, and the questions on it."""

    path: Path
    questions: tuple[ExamQuestion, ...]
    kind: str | None = None
    sha256: str | None = None


def examinations(arguments: Sequence[str], folder: str | None = None) -> list[Examination]:
    """Return what the arguments of the command ask for: question files, each with its document behind it or naming its
    documents itself, which are then in `folder` or else beside it.

    Raises UsageError for arguments that do not go together, InputError for a file that is not as described above.
    """
    found: list[Examination] = []
    rest = list(arguments)
    while rest:
        name = rest.pop(0)
        questions = read_questions(name)
        names = list(dict.fromkeys(question.file for question in questions))
        if rest and (None in names or not rest[0].endswith(SUFFIX)):
            if len(names) > 1:
                raise UsageError(f"{name} is about {len(names)} documents: name their folder with --folder")
            path = Path(rest.pop(0))
            about = described(name, path.parent).get(str(names[0]), {})
            found.append(Examination(path, tuple(questions), about.get("kind"), about.get("sha256")))
        elif None in names:
            raise UsageError(f"{name} does not say which document it is about: {USAGE}")
        else:
            place = Path(folder or Path(name).parent)
            of_each = described(name, place)
            for file in map(str, names):
                asked = tuple(question for question in questions if question.file == file)
                about = of_each.get(file, {})
                found.append(Examination(place / file, asked, about.get("kind"), about.get("sha256")))
    if not found:
        raise UsageError(f"no questions: {USAGE}")
    return found


def chosen(
    asked: Sequence[Examination], split: str = "all", kinds: Sequence[str] = (), limit: int | None = None
) -> list[Examination]:
    """Return the examinations with the questions of a split and of `kinds` (of question or of document) alone, at most
    `limit` for each document; those without any are left out. Raises UsageError if that is all of them.
    """
    kept = []
    for one in asked:
        of_document = one.kind in kinds
        questions = [
            question
            for question in one.questions
            if split in ("all", question.split) and (not kinds or of_document or question.kind in kinds)
        ]
        if questions:
            kept.append(replace(one, questions=tuple(questions[:limit])))
    if not kept:
        there = sorted({question.kind for one in asked for question in one.questions})
        raise UsageError(f"no question is of that split and kind; kinds of question: {', '.join(there)}")
    return kept


def read_questions(name: str) -> list[ExamQuestion]:
    """Return the questions of the file at this path."""
    found = [question_of(f"{name}, line {number}", row) for number, row in read_rows(name)]
    if not found:
        raise InputError(f"{name} holds no question: write one JSON object a line, with q and a")
    return found


def described(name: str, folder: Path) -> dict[str, dict[str, Any]]:
    """Return what is known of the documents of a question file, by their names."""
    for place in (Path(name).parent / ABOUT, folder / ABOUT):
        if place.is_file():
            return {str(row.get("file")): row for _, row in read_rows(str(place))}
    return {}


def read_rows(name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the objects of a JSON Lines file, each with its line. Raises UsageError where there is no such file,
    InputError for what is none.
    """
    if not Path(name).is_file():
        raise UsageError(f"{name} is no file: name a file of JSON Lines")
    try:
        text = Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{name} cannot be read as a UTF-8 file: {error}") from None
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict):
            raise InputError(f"{name}, line {number} is not a JSON object: write one object a line")
        yield number, row


def question_of(place: str, row: dict[str, Any]) -> ExamQuestion:
    """Return the question in a row of a file. Raises InputError, which names its `place`, for what is none."""
    if not isinstance(row.get("q"), str) or "a" not in row:
        raise InputError(f"{place}: a question needs q and a (null when the answer is not in the document)")
    check_expressions(place, {"a": row["a"], "passage": row.get("passage")})
    kind = str(row.get("kind") or ("absent" if row["a"] is None else "fact"))
    return ExamQuestion(
        row["q"], row["a"], kind, row.get("file"), str(row.get("split") or ""), row.get("passage"), row.get("follows")
    )


def check_expressions(place: str, expressions: dict[str, Any]) -> None:
    """Raise InputError for what is no regular expression; None is none and passes."""
    for name, expression in expressions.items():
        try:
            re.compile(expression or "", FLAGS)
        except (re.error, TypeError) as error:
            raise InputError(f"{place}: {name} is not a regular expression ({error}); escape what is special") from None
