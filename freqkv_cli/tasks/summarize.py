"""Summarise documents of any length."""

from collections.abc import Iterator, Sequence

from freqkv_cli.config import Settings
from freqkv_cli.documents.document import Document
from freqkv_cli.recall.vocabulary import invented_names
from freqkv_cli.tasks.events import Done, Event
from freqkv_cli.tasks.reader import open_reading
from freqkv_cli.tasks.report import answer_report

WORDS = {"short": 60, "medium": 150, "long": 400}
TOKENS_PER_WORD = 2  # with room to finish the last sentence


def summarize(documents: Sequence[Document], settings: Settings) -> Iterator[Event]:
    """Read `documents` from start to end, then summarise them from what the cache remembers."""
    session = yield from open_reading(documents, settings)
    words = WORDS[settings.length] if isinstance(settings.length, str) else settings.length
    request = f"Write a summary of the document above, in about {words} words. What is it about, and what does it say?"
    answer = yield from session.answer(request, settings.max_tokens or words * TOKENS_PER_WORD + 20)
    invented = invented_names(answer.text, session.lookup.vocabulary) if session.lookup else []
    if invented:
        yield session.warn(f"the summary has names that are not in the text: {', '.join(invented)}")
    yield Done(answer_report("summarize", session, answer, unverified=invented))
