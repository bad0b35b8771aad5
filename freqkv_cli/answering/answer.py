"""An answer: from the passages that fit, in the model's own words, with the places it rests on and what they are worth.

Whether the document says it at all is decided afterwards. A model that is told to refuse refuses what is there
(docs/experiments.md); so it is let answer, and then asked whether that is an answer, and whether the passages tell it.
"""

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass

from freqkv_cli.answering.refusal import DOUBT, judge, refusal
from freqkv_cli.answering.reply import Reply, place_of, with_places
from freqkv_cli.answering.shown_passages import REQUEST_ROOM, Evidence, counted, gather, titles_of
from freqkv_cli.answering.verification import check
from freqkv_cli.events import Event, Note, Progress, Text
from freqkv_cli.prompts import ANSWER, EARLIER, FROM_MEMORY, TELLS
from freqkv_cli.reading.session import Session
from freqkv_cli.reading.writing import Answer
from freqkv_cli.retrieval.language import detect_language, written_in

MAX_TOKENS = 200


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and its answer."""

    question: str
    answer: str


def answer_question(session: Session, question: str, earlier: Sequence[Turn] = ()) -> Generator[Event, None, Reply]:
    """Answer one question from what `session` has read; the session stays as it was.

    `earlier` are turns that the question may lean on. Raises UsageError for a question that does not fit.
    """
    began = time.perf_counter()
    if session.settings.recall == 0 or session.retriever is None:
        reply = yield from answer_from_memory(session, question, earlier)
    else:
        reply = yield from answer_from_passages(session, question, earlier)
    yield Text(reply.text)
    reply.answer.seconds = time.perf_counter() - began
    return reply


def answer_from_memory(session: Session, question: str, earlier: Sequence[Turn]) -> Generator[Event, None, Reply]:
    """Answer from the compressed cache alone (--recall 0): nothing is looked up, nothing verified."""
    request = with_turns(FROM_MEMORY.format(question=question, language=in_language(question)), earlier)
    answer = yield from session.answer(request, session.settings.max_tokens or MAX_TOKENS, quiet=True)
    return Reply(answer, text=answer.text)


def answer_from_passages(session: Session, question: str, earlier: Sequence[Turn]) -> Generator[Event, None, Reply]:
    """Answer from what a table comes to where that tells it, else from the passages that fit."""
    assert session.retriever is not None
    limit = session.settings.max_tokens or MAX_TOKENS
    request = with_turns(ANSWER.format(question=question, language=in_language(question)), earlier)
    room = session.count_tokens(request) + REQUEST_ROOM + limit
    index = session.retriever.index
    for indexed in index.indexing():
        if indexed < len(index):
            yield Progress("indexing", tokens_done=indexed, tokens_total=len(index), total_is_exact=True)
    if counts := counted(session, question, room):
        reply = yield from answer_from(session, question, request, counts, room, tentative=True)
        if reply.found:
            return reply
    queries = [question, *(f"{turn.question} {turn.answer} {question}" for turn in earlier[-1:])]
    evidence = gather(session, queries, room)
    if evidence.left_out:
        yield Note(f"the cache has room to read only {len(evidence.passages)} passages again")
    return (yield from answer_from(session, question, request, evidence, room))


def answer_from(
    session: Session, question: str, request: str, evidence: Evidence, room: int, *, tentative: bool = False
) -> Generator[Event, None, Reply]:
    """Answer from this evidence, then look up what was claimed; a `tentative` one is not written where the evidence
    does not tell the answer.
    """
    assert session.retriever is not None
    cache = session.consult(evidence.text, room)
    affirmed = session.affirms(cache, TELLS.format(question=question))
    if tentative and affirmed < DOUBT:
        return Reply(Answer(), found=False)
    if session.settings.show_passages:
        for passage in evidence.passages:
            yield Note(f"[{place_of(session, passage)}]\n{passage.text}\n", wanted=True)
    answer = yield from session.answer(request, session.settings.max_tokens or MAX_TOKENS, on=cache, quiet=True)
    seen = [*evidence.passages, *evidence.edges]
    citations = check(answer.text, question, seen, session.retriever.index.language, titles_of(session.retriever))
    reply = Reply(answer, citations, evidence.passages)
    if answer.finish_reason != "interrupted":
        del cache  # before another is made: the estimate of the memory counts two, with the one that reads
        reply.found = bool(citations) and judge(session, question, reply, affirmed)
    if session.settings.strict:
        reply.citations = [one for one in reply.citations if one.verdict != "not found"]
        reply.found = reply.found and bool(reply.citations)
    reply.text = with_places(session, question, reply) if reply.found else refusal(session, question, reply)
    return reply


def in_language(question: str) -> str:
    """Return how a model is told to answer in the language of the question."""
    return written_in(detect_language(question))


def with_turns(request: str, earlier: Sequence[Turn]) -> str:
    """Return a request with the turns before it."""
    told = [EARLIER.format(question=turn.question, answer=turn.answer) for turn in earlier]
    return "\n\n".join([*told, request])
