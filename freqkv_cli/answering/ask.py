"""Answer a question about documents of any length."""

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict, dataclass

from freqkv_cli.answering.choice import FROM_PASSAGE, choose
from freqkv_cli.answering.citation import check_answer
from freqkv_cli.answering.definitions import Definition, find_definition
from freqkv_cli.answering.grounding import Grounds
from freqkv_cli.answering.quotes import Quote, best_quotes, first_sentence, has_second_sentence
from freqkv_cli.config import Settings
from freqkv_cli.documents.document import Document
from freqkv_cli.events import Done, Event, Note, Text
from freqkv_cli.reading.report import answer_report
from freqkv_cli.reading.session import Answer, Session
from freqkv_cli.retrieval.index import Hit
from freqkv_cli.retrieval.passage import Passage
from freqkv_cli.retrieval.retriever import Found
from freqkv_cli.states.opening import open_reading
from freqkv_cli.summarizing.prose import without_quotes

MAX_TOKENS = 200
FROM_MEMORY = "Answer this question about the document above in one or two sentences.\nQuestion: {question}"
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
    part: int | None
    first_line: int | None
    last_line: int | None
    verified: bool


@dataclass(slots=True)
class Reply:
    """An answer, and what it rests on. `unverified`: names and numbers of the answer that no passage holds.

    `withheld`: what the model wrote and the document does not say.
    """

    answer: Answer
    citations: list[Citation]
    unverified: list[str]
    passages: list[str]
    not_found: bool = False
    withheld: str = ""

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
            withheld_text=reply.withheld,
        )
    )


def answer_question(session: Session, question: str, looked_up: str = "") -> Generator[Event, None, Reply]:
    """Answer one question from what `session` has read, on forks; the session stays as it was.

    `looked_up` is searched for in place of the question, where that says more: for a follow-up.
    """
    recall = session.settings.recall
    if recall == 0 or session.lookup is None:
        answer = yield from session.answer(FROM_MEMORY.format(question=question), limit_of(session))
        return Reply(answer, [], [], [])
    began = time.perf_counter()
    sought = looked_up or question
    found = session.lookup.find(sought, max(SEARCHED, recall))
    definition = find_definition(sought, session.lookup.index)
    if definition is not None:
        found = found.led_by(definition.passage)
    if not found.likely:
        return (yield from not_found(began))
    hits = fitting(session, question, found.hits[:recall])
    if len(hits) < min(recall, len(found.hits)):
        yield Note(f"the cache has room to read only {len(hits)} of {recall} passages again")
    if session.settings.show_passages:
        yield from show(session, hits)
    reply = yield from reply_from(session, question, sought, hits, found, definition)
    if reply is None:
        return (yield from not_found(began))
    yield Text(reply.answer.text)
    reply.answer.seconds = time.perf_counter() - began
    return reply


def not_found(began: float) -> Generator[Event, None, Reply]:
    """Say that the document does not seem to hold an answer."""
    yield Text(NOT_FOUND)
    return Reply(Answer(NOT_FOUND, seconds=time.perf_counter() - began), [], [], [], not_found=True)


def reply_from(
    session: Session, question: str, sought: str, hits: Sequence[Hit], found: Found, definition: Definition | None
) -> Generator[Event, None, Reply | None]:
    """Return what `hits` say to a question, with the words of the document below; None if they say nothing at all.

    A name or number is picked. What the model writes is shown if the passage that it was shown says it, and else the
    document's own words alone, as where they say what something is.
    """
    assert session.lookup is not None
    index = session.lookup.index
    strict = session.rule == "words"
    began = time.perf_counter()
    choice = None if definition else (yield from choose(session, question, sought, hits))
    withheld = ""
    if choice is not None:
        seconds = time.perf_counter() - began
        answer = Answer(choice.sentence, first_token_seconds=seconds, seconds=seconds)
    elif definition is not None and strict:
        answer = Answer()
    else:
        answer = yield from write(session, question, hits, limit_of(session))
        grounds = Grounds.of([hit.passage.text for hit in hits[:1] or found.hits])
        if strict and answer.finish_reason != "interrupted" and not grounds.answer(question, answer.text):
            withheld, answer.text = answer.text, ""
    quotes = best_quotes(sought, found.hits, index, QUOTES, choice.text if choice else "")
    if definition is not None:
        quotes = [definition.sentence, *(quote for quote in quotes if quote.text != definition.sentence.text)][:QUOTES]
    if not (quotes or answer.text):
        return None
    citations, unverified = cite(session, answer.text or quotes[0].text, found, quotes)
    if answer.finish_reason != "interrupted":
        if unverified:
            answer.text += f" [not found in the text: {', '.join(unverified)}]"
        told = [answer.text] if answer.text else []
        answer.text = "\n".join(told + [f'"{citation.quote}" [{citation.place}]' for citation in citations[:SHOWN]])
    if withheld:
        yield Note("what the model wrote is not said in the passage and left out; --verify names shows it", wanted=True)
    return Reply(answer, citations, unverified, [hit.passage.text for hit in hits], withheld=withheld)


def limit_of(session: Session) -> int:
    """Return the most tokens of an answer."""
    return session.settings.max_tokens or MAX_TOKENS


def fitting(session: Session, question: str, hits: Sequence[Hit]) -> list[Hit]:
    """Return the passages that the cache can hold unfiltered, with the question."""
    return [hit for hit in hits if session.fits(FROM_PASSAGE.format(passage=hit.passage.text, question=question))]


def show(session: Session, hits: Sequence[Hit]) -> Iterator[Event]:
    """Tell what is read again."""
    for hit in hits:
        yield Note(f"[{place_of(session, hit.passage)}]\n{hit.passage.text}\n", wanted=True)


def write(session: Session, question: str, hits: Sequence[Hit], limit: int) -> Generator[Event, None, Answer]:
    """Let the model write a sentence from the best passage, or from the memory alone where none fits in beside that."""
    request = (
        FROM_PASSAGE.format(passage=hits[0].passage.text, question=question)
        if hits
        else FROM_MEMORY.format(question=question)
    )
    answer = yield from session.answer(request, limit, until=has_second_sentence)
    answer.text = first_sentence(answer.text)
    return answer


def cite(session: Session, answer: str, found: Found, quotes: Sequence[Quote]) -> tuple[list[Citation], list[str]]:
    """Return the quotes as citations, and the names and numbers of the answer that none of the passages holds."""
    checked = check_answer(answer, [hit.passage for hit in found.hits])
    names = document_names(session)
    citations = [
        Citation(
            without_quotes(quote.text),
            names[quote.passage.document],
            place_of(session, quote.passage),
            quote.passage.page,
            quote.passage.part,
            quote.passage.first_line,
            quote.passage.last_line,
            checked.verified,
        )
        for quote in quotes
    ]
    return citations, checked.unverified


def place_of(session: Session, passage: Passage) -> str:
    """Return where a passage stands, with the name of its document where there are several."""
    names = document_names(session)
    return f"{names[passage.document]}, {passage.place}" if len(names) > 1 else passage.place


def document_names(session: Session) -> list[str]:
    """Return the names of what was read, in order."""
    assert session.stream is not None
    return [document.name for document in session.stream.documents]
