"""Measures answers: asks every question of a question file in every way, and counts what is right.

    freqkv evaluate answers QUESTIONS DOCUMENT [QUESTIONS DOCUMENT]...

All methods run in one process with one model and one cache size; the document is read once for each policy.
"""

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from freqkv_cli.config import Settings
from freqkv_cli.documents.document import Document
from freqkv_cli.errors import UsageError
from freqkv_cli.evaluation.answer_report import answers_report, answers_table
from freqkv_cli.evaluation.methods import METHODS, Ready, prepare
from freqkv_cli.evaluation.passage_search import open_search
from freqkv_cli.evaluation.question_file import Question, QuestionFile
from freqkv_cli.evaluation.verdicts import Citation, Scored, score
from freqkv_cli.events import Done, Event, Note, Progress, Text
from freqkv_cli.reading.session import open_session

# One is the stronger rival: of 60 questions the default model had 22 right with one passage before it, 16 with three.
PASSAGES = 1


@dataclass(slots=True)
class Examination:
    """A question file with the document it is about."""

    file: QuestionFile
    document: Document


class Places:
    """The text of a document by page and by line, to look citations up; read when it is first needed."""

    def __init__(self, document: Document) -> None:
        self._document = document

    @cached_property
    def _pages(self) -> dict[int, str]:
        return {page.number: page.text for page in self._document.pages()}

    @cached_property
    def _lines(self) -> list[str]:
        return "".join(self._pages.values()).split("\n")

    def text_at(self, citation: Citation) -> str:
        """Return the text of the page, part or lines that are cited; empty when there is no such place."""
        if (number := citation.page or citation.part) is not None:
            return self._pages.get(number, "")
        if citation.lines is not None:
            first, last = citation.lines
            return "\n".join(self._lines[max(0, first - 1) : last])
        return ""


def evaluate_answers(
    examinations: Sequence[Examination],
    settings: Settings,
    *,
    methods: Sequence[str] = METHODS,
    limit: int | None = None,
    passages: int = PASSAGES,
) -> Iterator[Event]:
    """Ask all questions (the first `limit` of each split) and yield the table as Text, then the report.

    `passages` is how many of them the method of that name reads. Raises UsageError for a method there is not.
    """
    began = time.perf_counter()
    chosen = choose_methods(methods)
    session = yield from open_session(settings)
    scored: list[Scored] = []
    tokens: dict[str, dict[str, int]] = {}
    for examination in examinations:
        document, name = examination.document, examination.file.name
        yield from check_document(examination)
        questions = first_of_each_split(examination.file.questions, limit)
        texts = [question.text for question in questions]
        with open_search(document) as search:
            ready = yield from prepare(session, document, texts, chosen, search, passages)
            tokens[name] = {method.name: method.tokens for method in ready}
            for method in ready:
                scored += yield from ask_all(examination, method, questions)
    report = answers_report(session, scored, tokens, round(time.perf_counter() - began, 3))
    yield Text(answers_table(report))
    yield Done(report)


def ask_all(
    examination: Examination, method: Ready, questions: Sequence[Question]
) -> Generator[Event, None, list[Scored]]:
    """Ask one method every question."""
    places, name, scored = Places(examination.document), examination.file.name, []
    right = 0
    for number, question in enumerate(questions, 1):
        record = method.answer(question.text)
        scored.append(score(name, method.name, question, record, places.text_at))
        right += scored[-1].verdict == "right"
        yield Progress("answering", source=f"{name}: {method.name}, question {number} of {len(questions)}")
    yield Note(f"{name}: {method.name} has {right} of {len(questions)} questions right")
    return scored


def choose_methods(names: Sequence[str]) -> tuple[str, ...]:
    """Return the methods in their order. Raises UsageError for a name that is none."""
    for name in names:
        if name not in METHODS:
            raise UsageError(f"there is no method '{name}'; choose from {', '.join(METHODS)}")
    return tuple(method for method in METHODS if method in names)


def first_of_each_split(questions: Sequence[Question], limit: int | None) -> list[Question]:
    """Return at most `limit` questions of each split, with and without an answer in turn, in the order of the file."""
    if limit is None:
        return list(questions)
    kept: set[str] = set()
    for split in dict.fromkeys(question.split for question in questions):
        present = [one.id for one in questions if one.split == split and one.answer is not None]
        absent = [one.id for one in questions if one.split == split and one.answer is None]
        take_absent = min(len(absent), limit // 3)
        take_present = min(len(present), limit - take_absent)
        kept.update(present[:take_present], absent[: limit - take_present])
    return [question for question in questions if question.id in kept]


def check_document(examination: Examination) -> Iterator[Event]:
    """Warn when the questions were written for another version of the document."""
    expected = examination.file.sha256
    if expected and expected != examination.document.sha256:
        yield Note(
            f"{examination.document.name} is not the document that the questions of {examination.file.name} were "
            f"written for ({examination.file.source or examination.file.document}): answers may differ",
            warning=True,
        )
