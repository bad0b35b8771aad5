"""Answer many questions about documents that are read once."""

import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import Any

from freqkv_cli.answering.answer import answer_question
from freqkv_cli.answering.question_list import Question
from freqkv_cli.answering.reply import Reply, reply_report
from freqkv_cli.config import Settings
from freqkv_cli.documents.document import Document
from freqkv_cli.errors import UsageError
from freqkv_cli.events import Answered, Asked, Done, Event, Note
from freqkv_cli.reading.report import SCHEMA_VERSION, answer_report
from freqkv_cli.reading.session import Session
from freqkv_cli.reading.writing import Answer
from freqkv_cli.states.opening import open_reading


def ask_many(documents: Sequence[Document], questions: Iterable[Question], settings: Settings) -> Iterator[Event]:
    """Read `documents`, then answer the questions one after another, each from what was read alone.

    A question that cannot be answered gets a report with `error`, and the next one is asked. Ctrl-C ends the list and
    keeps what there is. Raises UsageError when no question at all could be answered.
    """
    session = yield from open_reading(documents, settings)
    yield from answer_all(session, questions)


def answer_all(session: Session, questions: Iterable[Question]) -> Iterator[Event]:
    """Answer the questions from what `session` has read; see `ask_many`."""
    began = time.perf_counter()
    reports: list[dict[str, Any]] = []
    total = Answer()
    try:
        for question in questions:
            yield Asked(question.text, question.number)
            report = yield from answered("ask", session, question, answer_question(session.apart(), question.text))
            reports.append(report)
            yield Answered(report)
            if "error" in report:
                yield Note(f"question {question.number}: {report['error']}", warning=True)
            total.tokens += report.get("tokens", 0)
            if report.get("finish_reason") == "interrupted":
                total.finish_reason = "interrupted"
                break
    except KeyboardInterrupt:
        total.finish_reason = "interrupted"
    total.seconds = time.perf_counter() - began
    report = {**answer_report("ask", session, total), "answers": reports}
    del report["text"]  # each answer has its own
    yield Done(report)
    failed = sum("error" in report for report in reports)
    if failed == len(reports) and total.finish_reason != "interrupted":
        raise UsageError(f"none of {failed} questions could be answered" if failed else "there are no questions")


def answered(
    command: str, session: Session, question: Question, reply: Generator[Event, None, Reply]
) -> Generator[Event, None, dict[str, Any]]:
    """Follow `reply`, the answer to one of several questions; return its report, with `error` where there is none."""
    known = {"schema_version": SCHEMA_VERSION, "command": command, "number": question.number}
    if question.id is not None:
        known["id"] = question.id
    known["question"] = question.text
    if question.problem:
        return {**known, "error": question.problem}
    try:
        given = yield from reply
    except UsageError as error:
        return {**known, "error": error.message}
    return {**known, **reply_report(session, given)}
