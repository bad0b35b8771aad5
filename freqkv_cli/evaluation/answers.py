"""Measures answers: asks every question of question files in every way, and counts what is right.

    freqkv evaluate answers QUESTIONS.jsonl --folder DOCUMENTS

Each document is opened, read once for each way that needs it, asked, and closed.
"""

import re
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from freqkv_cli.answering.conversation import Conversation
from freqkv_cli.answering.reply import Reply
from freqkv_cli.config import Settings
from freqkv_cli.documents.document import Document, open_document
from freqkv_cli.errors import FreqkvError, UsageError
from freqkv_cli.evaluation.answer_report import answers_report, answers_table
from freqkv_cli.evaluation.methods import METHODS, prepared, put
from freqkv_cli.evaluation.question_file import FLAGS, Examination, ExamQuestion
from freqkv_cli.evaluation.row_log import RowLog, open_rows
from freqkv_cli.events import Done, Event, Note, Progress, Text, run_to_end
from freqkv_cli.measurement.subject import Subject
from freqkv_cli.reading.open_session import load_session
from freqkv_cli.reading.plan import Plan, make_plan
from freqkv_cli.reading.session import Session

Row = dict[str, Any]


def choose_methods(names: Sequence[str]) -> tuple[str, ...]:
    """Return the methods in their order. Raises UsageError for a name that is none."""
    for name in names:
        if name not in METHODS:
            raise UsageError(f"there is no method '{name}'; choose from {', '.join(METHODS)}")
    return tuple(method for method in METHODS if method in names)


def evaluate_answers(
    asked: Sequence[Examination], settings: Settings, methods: Sequence[str], rows_file: Path | None = None
) -> Iterator[Event]:
    """Ask all questions and yield the table as Text, then the report; `rows_file` gets every answer as a JSON line.

    Raises UsageError when none of the documents is there or `rows_file` cannot be written.
    """
    began = time.perf_counter()
    there = [one for one in asked if one.path.is_file()]
    if missing := [one for one in asked if not one.path.is_file()]:
        names = ", ".join(str(one.path) for one in missing)
        if not there:
            raise UsageError(f"none of the documents is there ({names}): name their folder with --folder")
        yield Note(
            f"{sum(len(one.questions) for one in missing)} questions left out, no document: {names}", warning=True
        )
    documents: list[Document] = []
    tokens: list[int] = []
    reason = "stop"
    with ExitStack() as stack:
        rows = RowLog(stack.enter_context(open_rows(rows_file)) if rows_file else None)
        plan = yield from make_plan(settings)
        first = yield from load_session(plan, settings, began)
        try:
            for one in there:
                yield from examine(one, first, plan, methods, rows, documents, tokens)
        except KeyboardInterrupt:
            reason = "interrupted"
    subject = Subject(first.loaded, plan.geometry, plan.window, plan.chunk)
    left_out = {str(one.path): len(one.questions) for one in missing}
    found = {"answers": rows.kept, "left_out": left_out, "tokens_read": sum(tokens), "tokens_dropped": 0}
    report = answers_report(subject, settings, documents, found, began=began, reason=reason)
    yield Text(answers_table(report))
    yield Done(report)


def examine(
    one: Examination,
    first: Session,
    plan: Plan,
    methods: Sequence[str],
    rows: RowLog,
    documents: list[Document],
    tokens: list[int],
) -> Generator[Event, None, None]:
    """Open a document, read it and ask all its questions in all ways; rows go into `rows`.

    The questions on a document that cannot be read count as wrong.
    """
    settings = first.settings
    session, reading = None, None
    try:
        with open_document(
            str(one.path), pages=settings.pages, encoding=settings.encoding, kind=settings.kind, ocr=settings.ocr
        ) as document:
            documents.append(document)
            if one.sha256 not in (None, document.sha256):
                yield Note(f"{one.path} is not the version that its questions were written for", warning=True)
            for method in methods:
                if METHODS[method].reading != reading:
                    close(session)
                    session = None  # before another cache is filled
                    reading = METHODS[method].reading
                    session = yield from prepared(reading, first, plan, document)
                    tokens.append(session.tokens_read)
                assert session is not None
                yield from ask_all(one, document, method, session, rows)
    except FreqkvError as error:
        yield Note(f"{one.path}: {error.message}; its questions count as wrong", warning=True)
        done = {(row["method"], row["question"]) for row in rows.kept if row["path"] == str(one.path)}
        for method in methods:
            for question in one.questions:
                if (method, question.text) not in done:
                    rows.add(scored(one, one.path.suffix[1:], method, question, None, error=error.message))
    finally:
        close(session)


def ask_all(
    one: Examination, document: Document, method: str, session: Session, rows: RowLog
) -> Generator[Event, None, None]:
    """Ask one method every question on a document; one that follows another is asked after that."""
    right = 0
    for number, question in enumerate(one.questions, 1):
        yield Progress("answering", source=f"{one.path.name}: {method}, question {number} of {len(one.questions)}")
        conversation = Conversation(session)
        reply, error = None, None
        try:
            for text in filter(None, (question.follows, question.text)):
                reply = run_to_end(put(method, session, text, conversation))
                if reply.answer.finish_reason == "interrupted":
                    raise KeyboardInterrupt
        except UsageError as problem:
            reply, error = None, problem.message
            yield Note(f"{one.path.name}, {question.text!r}: {error}; it counts as wrong", warning=True)
        row = scored(one, document.kind, method, question, reply, error=error)
        right += row["outcome"] in ("right", "told")
        rows.add(row)
    yield Note(f"{one.path.name}: {method}: {right} of {len(one.questions)} right", wanted=True)


def scored(
    one: Examination, kind: str, method: str, question: ExamQuestion, reply: Reply | None, *, error: str | None = None
) -> Row:
    """Return an answer with what it is worth, for the report; `reply` is None where there is none, `kind` is the type
    of the document, for want of a better word.
    """
    found = None if reply is None or not METHODS[method].judges else reply.found
    text = reply.answer.text if reply else ""
    return {
        "path": str(one.path),
        "file": one.path.name,
        "document_kind": one.kind or kind,
        "method": method,
        "kind": question.kind,
        "split": question.split,
        "question": question.text,
        "follows": question.follows,
        "expected": question.answer,
        "answer": text,
        "found": found,
        "affirmed": reply.affirmed if reply else None,
        "outcome": "wrong" if reply is None else grade(question.answer, text, found),
        "matches": matches(question.answer, text),
        "passage_found": passage_found(question, reply),
        "verification": [citation.verdict for citation in reply.citations] if reply else [],
        "missing": [claim for citation in reply.citations for claim in citation.missing] if reply else [],
        "quotes": [{"place": one.passage.place, "quote": one.quote} for one in reply.citations] if reply else [],
        "passages": [passage.place for passage in reply.passages] if reply else [],
        "seconds": round(reply.answer.seconds, 3) if reply else None,
        "error": error,
    }


def grade(expected: str | None, text: str, found: bool | None) -> str:
    """Return "right", "wrong" or "refused" for a question with an answer, "told" or "invented" for one without."""
    if expected is None:
        return "told" if found is False else "invented"
    if found is False:
        return "refused"
    return "right" if matches(expected, text) else "wrong"


def matches(expected: str | None, text: str) -> bool:
    """Whether the expression for a right answer matches."""
    return expected is not None and re.search(expected, text, FLAGS) is not None


def passage_found(question: ExamQuestion, reply: Reply | None) -> bool | None:
    """Whether a passage with the answer was read for it; None where none was looked for or it is not known."""
    if question.passage is None or reply is None or not reply.passages:
        return None
    return any(matches(question.passage, " ".join(passage.text.split())) for passage in reply.passages)


def close(session: Session | None) -> None:
    """Delete what a session kept on disk."""
    if session is not None and session.retriever is not None:
        session.retriever.index.close()
