"""Summarise documents of any length: notes while reading, and from them and the document's frame the summary."""

import time
from collections.abc import Iterator, Sequence

from freqkv_cli.answering.reply import place_report
from freqkv_cli.config import Settings
from freqkv_cli.documents.document import Document
from freqkv_cli.events import Done, Event, Note, Text
from freqkv_cli.reading.report import answer_report
from freqkv_cli.reading.session import Session
from freqkv_cli.states.opening import Opening, open_reading
from freqkv_cli.summarizing.layout import notes_text, summary_text
from freqkv_cli.summarizing.notes import NoteTaker, can_write
from freqkv_cli.summarizing.summary import Summary, write_summary

NOTES_FORMAT = 2  # of the notes in a state; raise it when older ones can no longer be used


def summarize(
    documents: Sequence[Document],
    settings: Settings,
    *,
    opening: Opening = open_reading,
) -> Iterator[Event]:
    """Read `documents` from start to end, taking notes, then summarise them; `opening` reads them."""
    takers: list[NoteTaker] = []

    def watch(session: Session) -> NoteTaker:
        takers.append(NoteTaker(session))
        return takers[-1]

    extra = {"notes": NOTES_FORMAT, "effort": settings.effort, "language": settings.language, "focus": settings.focus}
    session = yield from opening(documents, settings, extra=extra, watch=watch)
    taker = takers[-1] if takers else NoteTaker(session)
    if not takers:  # nothing was read, so nobody watched
        yield from taker.take_all()
    began = time.perf_counter()
    summary = Summary()
    try:
        summary = yield from write_summary(session, taker.notes)
    except KeyboardInterrupt:
        summary.answer.finish_reason = "interrupted"
    text = summary_text(session, summary)
    if settings.notes:
        text += notes_text(taker.notes, settings.format, len(documents) > 1)
    yield Text(text)
    if not can_write(session):
        yield Note(
            "an extract: sentences of the document itself, as "
            + ("--effort low asks" if settings.effort == "low" else "this model is too small to write summaries"),
            wanted=True,
        )
    summary.answer.text, summary.answer.seconds = text, time.perf_counter() - began
    report = answer_report(
        "summarize",
        session,
        summary.answer,
        notes=[note.as_json() for note in taker.notes],
        citations=[
            {
                "sentence": one.sentence,
                "verdict": one.verdict,
                "missing": list(one.missing),
                "quote": one.quote,
                **place_report(session, one.passage),
            }
            for one in summary.sentences
        ],
        written=summary.written,
        extract=not can_write(session),
        repeated=summary.dropped,
        unverified=summary.missing,
    )
    report["timing"]["notes_s"] = round(taker.seconds, 3)
    yield Done(report)
