"""Answer a question about documents of any length."""

from collections.abc import Iterator, Sequence

from freqkv_cli.config import Settings
from freqkv_cli.documents.document import Document
from freqkv_cli.tasks.events import Done, Event
from freqkv_cli.tasks.report import answer_report
from freqkv_cli.tasks.session import open_session

MAX_TOKENS = 200


def ask(documents: Sequence[Document], question: str, settings: Settings) -> Iterator[Event]:
    """Read `documents` from start to end, then answer `question` from what the cache remembers."""
    pinned = f"The question to be answered at the end: {question}\n\n" if settings.pin_question else ""
    session = yield from open_session(settings, pinned)
    yield from session.read(documents)
    request = f"Answer this question about the document above in one or two sentences.\nQuestion: {question}"
    answer = yield from session.answer(request, settings.max_tokens or MAX_TOKENS)
    yield Done(answer_report("ask", session, answer, question=question))
