"""Question files: one JSON object a line, each a question whose right answer is known (tests/data/answers/README.md).

| field | meaning |
|---|---|
| `q`, `a` | the question; the regular expression that a right answer matches, null where the document does not say |
| `file` | the document, where it is not named beside the question file |
| `kind` | of question; `fact` or `absent` without it |
| `split` | `tuned` or `held_back`: whether the tool may be tuned on it |
| `passage` | regular expression that the passage with the answer matches, white space folded |
| `follows` | the `q` that was asked before, for a question that leans on it |

Expressions hold in any case, and `.` matches line ends. A file `documents.jsonl` beside the questions, or in the folder
of the documents, says of what `kind` each `file` is, and with `sha256` which version the questions were written for.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from freqkv_cli.errors import InputError, UsageError

ABOUT = "documents.jsonl"
FLAGS = re.IGNORECASE | re.DOTALL
USAGE = "freqkv evaluate answers QUESTIONS.jsonl [DOCUMENT], or --folder DOCUMENTS"
Line = TypeVar("Line")


def compiling(expression: str) -> str:
    """Return a regular expression as it is. Raises ValueError for what is none."""
    try:
        re.compile(expression, FLAGS)
    except re.error as error:
        raise ValueError(f"no regular expression ({error}); escape what is special") from None
    return expression


Expression = Annotated[str, AfterValidator(compiling)]


@dataclass(frozen=True, slots=True)
class ExamQuestion:
    """One question on the document `file`, empty where that is told otherwise; `answer` is None where it holds none."""

    text: Annotated[str, Field(alias="q")]
    answer: Annotated[Expression | None, Field(alias="a")]
    file: str = ""
    kind: str = ""
    split: str = ""
    passage: Expression | None = None
    follows: str | None = None


@dataclass(frozen=True, slots=True)
class KnownDocument:
    """What `documents.jsonl` says of the document `file`."""

    file: str = ""
    kind: str | None = None
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Examination:
    """A document, its `kind` where that is known, the `sha256` that it should have, and the questions on it."""

    path: Path
    questions: tuple[ExamQuestion, ...]
    kind: str | None = None
    sha256: str | None = None


def examinations(names: Sequence[str], folder: str | None = None) -> list[Examination]:
    """Return what question files ask, by document; documents are in `folder`, or else beside their file, or the name
    behind it, where all questions are about one.

    Raises UsageError for no file or an unknown document, InputError for a file that is not as described above.
    """
    found: list[Examination] = []
    rest = list(names)
    while rest:
        name = rest.pop(0)
        place = Path(folder or Path(name).parent)
        of_each, asked = described(name, place), dict[str, list[ExamQuestion]]()
        for question in read_questions(name):
            asked.setdefault(question.file, []).append(question)
        document = rest.pop(0) if rest and ("" in asked or not rest[0].endswith(".jsonl")) else None
        if document is not None and len(asked) > 1:
            raise UsageError(f"{name} is about {len(asked)} documents: name their folder with --folder")
        if document is None and "" in asked:
            raise UsageError(f"{name} does not say which document it is about: {USAGE}")
        for file, questions in asked.items():
            known = of_each.get(file, KnownDocument())
            path = place / file if document is None else Path(document)
            found.append(Examination(path, tuple(questions), known.kind, known.sha256))
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
    found = [
        one if one.kind else replace(one, kind="absent" if one.answer is None else "fact")
        for one in read_lines(name, ExamQuestion)
    ]
    if not found:
        raise InputError(f"{name} holds no question: write one JSON object a line, with q and a")
    return found


def described(name: str, folder: Path) -> dict[str, KnownDocument]:
    """Return what is known of the documents of a question file, by their names."""
    for place in (Path(name).parent / ABOUT, folder / ABOUT):
        if place.is_file():
            return {one.file: one for one in read_lines(str(place), KnownDocument)}
    return {}


def read_lines(name: str, kind: type[Line]) -> Iterator[Line]:
    """Yield the objects of a JSON Lines file. Raises UsageError where there is no such file, InputError for a line that
    is no object of this kind (a dataclass); what that does not ask for may be there.
    """
    if not Path(name).is_file():
        raise UsageError(f"{name} is no file: name a file of JSON Lines")
    try:
        text = Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{name} cannot be read as a UTF-8 file: {error}") from None
    adapter = TypeAdapter(kind)
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield adapter.validate_json(line)
            except ValidationError as error:
                (first, *_) = error.errors(include_url=False)
                field = ".".join(map(str, first["loc"])) or "a JSON object a line"
                raise InputError(f"{name}, line {number}: {field}: {first['msg']}") from None
