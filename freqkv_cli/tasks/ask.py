"""Answer a question about documents of any length."""

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict, dataclass

from freqkv_cli.config import Settings
from freqkv_cli.documents.document import Document
from freqkv_cli.recall.citation import check_answer
from freqkv_cli.tasks.events import Done, Event, Note, Text
from freqkv_cli.tasks.lookup import Found
from freqkv_cli.tasks.reader import open_reading
from freqkv_cli.tasks.report import answer_report
from freqkv_cli.tasks.session import Answer, Session

MAX_TOKENS = 200
FROM_MEMORY = "Answer this question about the document above in one or two sentences.\nQuestion: {question}"
FROM_PASSAGES = (
    "Passages from the document:\n\n{passages}\n\n"
    "Using only the passages above, answer in one short sentence: {question}"
)
NOT_FOUND = "The document does not seem to say."
SEARCHED = 5  # passages at least, among which the sentence to quote is looked for
QUOTES = 3  # sentences that are cited
SHOWN = 1  # of them, printed below the answer


@dataclass(frozen=True, slots=True)
class Citation:
    """Words of the document and their place. `verified`: the passages hold the answer's names and numbers."""

    quote: str
    document: str
    place: str
    page: int | None
    first_line: int | None
    last_line: int | None
    verified: bool


@dataclass(slots=True)
class Reply:
    """An answer, and what it rests on. `unverified`: names and numbers of the answer that no passage holds."""

    answer: Answer
    citations: list[Citation]
    unverified: list[str]
    passages: list[str]
    not_found: bool = False

    @property
    def text(self) -> str:
        """The answer with the sentence it is shown with."""
        return self.answer.text


def ask(documents: Sequence[Document], question: str, settings: Settings) -> Iterator[Event]:
    """Read `documents` from start to end, look the question up in them, and answer it."""
    pinned = f"The question to be answered at the end: {question}\n\n" if settings.pin_question else ""
    session = yield from open_reading(documents, settings, pinned=pinned)
    reply = yield from answer_question(session, question)
    yield Done(
        answer_report(
            "ask",
            session,
            reply.answer,
            question=question,
            not_found=reply.not_found,
            citations=[asdict(citation) for citation in reply.citations],
            unverified=reply.unverified,
        )
    )


def answer_question(session: Session, question: str, looked_up: str = "") -> Generator[Event, None, Reply]:
    """Answer one question from what `session` has read, on a fork; the session stays as it was.

    `looked_up` is searched for in place of the question, where that says more: for a follow-up.
    """
    limit = session.settings.max_tokens or MAX_TOKENS
    if session.settings.recall == 0 or session.lookup is None:
        answer = yield from session.answer(FROM_MEMORY.format(question=question), limit)
        return Reply(answer, [], [], [])
    began = time.perf_counter()
    found = session.lookup.find(looked_up or question, max(SEARCHED, session.settings.recall), QUOTES)
    if not found.likely:
        yield Text(NOT_FOUND)
        return Reply(Answer(NOT_FOUND, seconds=time.perf_counter() - began), [], [], [], not_found=True)
    request, passages = compose(session, question, found)
    if len(passages) < min(session.settings.recall, len(found.hits)):
        yield Note(f"the cache has room to read only {len(passages)} of {session.settings.recall} passages again")
    answer = yield from session.answer(request, limit)
    citations, unverified = cite(session, answer, found)
    if answer.finish_reason != "interrupted":
        evidence = "".join(f'\n"{citation.quote}" [{citation.place}]' for citation in citations[:SHOWN])
        answer.text += evidence
        yield Text(evidence)
    if unverified:
        yield session.warn(f"not found in the passages that were looked up: {', '.join(unverified)}")
    answer.seconds = time.perf_counter() - began
    return Reply(answer, citations, unverified, passages)


def compose(session: Session, question: str, found: Found) -> tuple[str, list[str]]:
    """Return the request with as many of the best passages as fit, and these; without any it asks the memory alone."""
    for count in range(min(session.settings.recall, len(found.hits)), 0, -1):
        passages = [hit.passage.text for hit in found.hits[:count]]
        # The best stands last, next to the question: a small model reads what is near.
        fenced = "\n\n".join(f'"{passage}"' for passage in reversed(passages))
        request = FROM_PASSAGES.format(passages=fenced, question=question)
        if session.fits(request):
            return request, passages
    return FROM_MEMORY.format(question=question), []


def cite(session: Session, answer: Answer, found: Found) -> tuple[list[Citation], list[str]]:
    """Return the quotes as citations, and the names and numbers of the answer that none of the passages holds."""
    checked = check_answer(answer.text, [hit.passage for hit in found.hits])
    assert session.stream is not None
    names = [document.name for document in session.stream.documents]
    several = len(names) > 1
    citations = [
        Citation(
            quote.text,
            names[quote.passage.document],
            f"{names[quote.passage.document]}, {quote.passage.place}" if several else quote.passage.place,
            quote.passage.page,
            quote.passage.first_line,
            quote.passage.last_line,
            checked.verified,
        )
        for quote in found.quotes
    ]
    return citations, checked.unverified
