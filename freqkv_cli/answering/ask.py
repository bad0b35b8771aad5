"""Answer a question about documents of any length."""

from collections.abc import Iterator, Sequence

from freqkv_cli.answering.answer import answer_question
from freqkv_cli.answering.reply import reply_report
from freqkv_cli.config import Settings
from freqkv_cli.documents.document import Document
from freqkv_cli.events import Done, Event
from freqkv_cli.reading.report import answer_report
from freqkv_cli.states.opening import Opening, open_reading


def ask(
    documents: Sequence[Document],
    question: str,
    settings: Settings,
    *,
    opening: Opening = open_reading,
) -> Iterator[Event]:
    """Read `documents` from start to end, look the question up in them, and answer it; `opening` reads them."""
    pinned = f"The question to be answered at the end: {question}\n\n" if settings.pin_question else ""
    session = yield from opening(documents, settings, pinned=pinned)
    reply = yield from answer_question(session, question)
    report = answer_report("ask", session, reply.answer, question=question)
    told = reply_report(session, reply)
    yield Done({**report, **{name: told[name] for name in ("text", "answer", "found", "citations", "passages")}})
