"""The work on one document: opened, read once, and each thing that is wanted of it done; whatever happens is a row."""

from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any

from freqkv_cli.answering.ask import ask
from freqkv_cli.batch.jobs import SUMMARIZE, BatchJob, Demand
from freqkv_cli.batch.shared_model import SharedModel
from freqkv_cli.config import Settings, field_named, parse_given
from freqkv_cli.documents.document import Document, open_documents
from freqkv_cli.errors import ExitCode, FreqkvError, InputError, UsageError
from freqkv_cli.events import Answered, Done, Event, Progress
from freqkv_cli.summarizing.summarize import summarize

# One model serves all, so what decides how it is loaded is not a document's own.
OWN = ("pages", "start", "until", "encoding", "kind", "ocr", "refresh", "cache", "quick", "recall", "strict", "length")
OWN_SUMMARY = ("format", "language", "focus", "prompt", "effort", "max_tokens", "seed", "temperature")


def work_on(job: BatchJob, name: str, demands: Sequence[Demand], model: SharedModel) -> Generator[Event, None, None]:
    """Do what is wanted of a document; yields progress, and Answered with each row.

    Raises KeyboardInterrupt when it was stopped, with a checkpoint left, and ModelError or MemoryLimitError where the
    model cannot be loaded; all else is a row.
    """
    try:
        if job.problem is not None:
            raise UsageError(job.problem)
        settings = own_settings(model.settings, job)
        documents = opened(job, settings)
    except (FreqkvError, OSError, MemoryError) as error:
        for demand in demands:
            yield Answered(failed(job, name, demand, error))
        return
    try:
        if documents[0].kind != "state":
            yield from model.load()
        for demand in demands:
            try:
                report = yield from done(demand, documents, settings, model)
            except Exception as error:  # of whatever library: the next document must not suffer from it
                model.forget()
                yield Answered(failed(job, name, demand, error))
            else:
                yield Answered({**head(job, name, demand), "status": "ok", "exit_code": 0, **report})
    finally:
        model.forget()
        for document in documents:
            document.close()


def done(
    demand: Demand, documents: list[Document], settings: Settings, model: SharedModel
) -> Generator[Event, None, dict[str, Any]]:
    """Return the report of one task. Raises KeyboardInterrupt where it was stopped."""
    if demand.task == SUMMARIZE:
        events = summarize(documents, settings, opening=model.open_reading)
    else:
        events = ask(documents, demand.question or "", settings, opening=model.open_reading)
    report: dict[str, Any] = {}
    for event in events:
        if isinstance(event, Done):
            report = event.report
        elif isinstance(event, Progress):
            yield event
    if report["finish_reason"] == "interrupted":
        raise KeyboardInterrupt
    return report


def opened(job: BatchJob, settings: Settings) -> list[Document]:
    """Return the document of a job, or those of an archive. Raises InputError, NoTextError, UsageError."""
    if job.path == "-":
        raise InputError("stdin is no document here: name a file")
    return open_documents(
        [job.path], pages=settings.pages, encoding=settings.encoding, kind=settings.kind, ocr=settings.ocr
    )


def own_settings(settings: Settings, job: BatchJob) -> Settings:
    """Return the settings with the options of a job. Raises UsageError for one that cannot be, or not for one alone."""
    values = {}
    for option, value in job.options:
        field = field_named(option)
        if field not in (*OWN, *OWN_SUMMARY):
            raise UsageError(f"{option} cannot be an option of one document: give it to all as a flag")
        values[field] = parse_given(option, value)
    return replace(settings, **values)


def head(job: BatchJob, name: str, demand: Demand) -> dict[str, Any]:
    """Return what a row begins with."""
    return {"id": name, "path": job.path, "task": demand.task, "question": demand.question}


def failed(job: BatchJob, name: str, demand: Demand, error: BaseException) -> dict[str, Any]:
    """Return the row of what could not be done."""
    code, message = ExitCode.UNEXPECTED, f"{type(error).__name__}: {error}"
    if isinstance(error, FreqkvError):
        code, message = error.exit_code, error.message
    elif isinstance(error, OSError):
        code, message = ExitCode.INPUT, f"{job.path} cannot be read: {error.strerror or error}"
    elif isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        code = ExitCode.MEMORY
    return {**head(job, name, demand), "status": "error", "exit_code": int(code), "message": message}
