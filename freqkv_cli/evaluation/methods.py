"""Methods: the ways to answer that are compared, each with the same model, the same slots and the same wording.

| method | how it answers |
|---|---|
| ask | as `freqkv ask` does |
| memory | from the memory that FreqKV filters, alone |
| window | from the memory of the window policy, which drops what is old |
| cut | from the first and last tokens of the document that fit, with full attention |
| passages | from the passages that a search finds, without having read the document |
"""

import time
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain

from freqkv_cli.answering.ask import FROM_MEMORY, answer_question, limit_of
from freqkv_cli.documents.document import Document
from freqkv_cli.errors import UsageError
from freqkv_cli.evaluation.passage_search import Search
from freqkv_cli.evaluation.result import last_value
from freqkv_cli.evaluation.verdicts import AnswerRecord, Citation
from freqkv_cli.events import Event
from freqkv_cli.inference.engine import Engine
from freqkv_cli.kvcache.cache import make_cache
from freqkv_cli.kvcache.policies import make_policy
from freqkv_cli.reading.prompt import encode_text
from freqkv_cli.reading.session import Session
from freqkv_cli.reading.token_stream import TokenStream

METHODS = ("ask", "memory", "window", "cut", "passages")
GAP = "\n\n[...]\n\n"  # between the pieces of a document that is not whole

Answering = Callable[[str], AnswerRecord]


@dataclass(frozen=True, slots=True)
class Ready:
    """A method that can be asked now; `tokens` is what it has read of the document."""

    name: str
    answer: Answering
    tokens: int


def prepare(
    opened: Session, document: Document, questions: Sequence[str], methods: Iterable[str], search: Search, passages: int
) -> Generator[Event, None, list[Ready]]:
    """Read `document` once for each policy that `methods` need; return the methods in the order of METHODS.

    `opened` gives model and settings, its own cache stays empty; `passages` is how many the method of that name takes.
    """
    wanted, ready = set(methods), []
    readers: dict[str, Session] = {}
    for name, policy in (("ask", opened.settings.policy), ("memory", opened.settings.policy), ("window", "window")):
        if name not in wanted:
            continue
        if policy not in readers:
            readers[policy] = fresh_session(opened, policy)
            yield from readers[policy].read([document])
        way = shipped_answer if name == "ask" else plain_answer
        ready.append(Ready(name, partial(way, readers[policy]), readers[policy].tokens_read))
    if "cut" in wanted:
        session = fresh_session(opened, "full")
        kept = read_cut(session, document, questions)
        ready.append(Ready("cut", partial(plain_answer, session), kept))
    if "passages" in wanted:
        ready.append(Ready("passages", partial(passages_answer, opened, search=search, count=passages), 0))
    return ready


def fresh_session(session: Session, policy: str) -> Session:
    """Return a session with the same model and an empty cache of the same geometry under another policy."""
    model, geometry = session.loaded.model, session.cache.geometry
    return replace(
        session,
        settings=replace(session.settings, policy=policy),
        engine=Engine(model, session.engine.chunk),
        cache=make_cache(model, geometry, make_policy(policy, session.loaded.foresight), window=geometry.cache_size),
        tokens_read=0,
        read_seconds=0.0,
        stream=None,
        notes=[],
        warnings=[],
    )


def shipped_answer(session: Session, question: str) -> AnswerRecord:
    """Answer as `freqkv ask` does once `session` has read. Raises KeyboardInterrupt when the user stops it."""
    reply = last_value(answer_question(session, question))
    if reply.answer.finish_reason == "interrupted":
        raise KeyboardInterrupt
    citations = tuple(
        Citation(
            cited.quote,
            cited.page,
            cited.part,
            lines=(cited.first_line, cited.last_line) if cited.first_line is not None else None,
            verified=cited.verified,
        )
        for cited in reply.citations
    )
    return AnswerRecord(reply.answer.text, reply.answer.seconds, reply.not_found, citations, tuple(reply.passages))


def plain_answer(session: Session, question: str) -> AnswerRecord:
    """Answer from what is in the cache of `session`, on a fork. Raises KeyboardInterrupt when the user stops it."""
    began = time.perf_counter()
    answer = last_value(session.answer(FROM_MEMORY.format(question=question), limit_of(session)))
    if answer.finish_reason == "interrupted":
        raise KeyboardInterrupt
    return AnswerRecord(answer.text, time.perf_counter() - began)


def passages_answer(session: Session, question: str, search: Search, count: int) -> AnswerRecord:
    """Answer from the `count` best passages alone, or as many as fit; the best stands last, next to the question."""
    began = time.perf_counter()
    alone = fresh_session(session, "full")
    alone.engine.read(alone.cache, alone.prompt.prefix)
    room = alone.cache.room - reserve(alone, [question])
    read: list[list[int]] = []
    taken: list[str] = []
    for passage in search(question, count):
        ids = encode_text(alone.loaded.tokenizer, passage + GAP)
        if len(ids) > room:
            break
        room -= len(ids)
        read.insert(0, ids)
        taken.append(passage)
    alone.engine.read(alone.cache, chain.from_iterable(read))
    record = plain_answer(alone, question)
    return replace(record, seconds=time.perf_counter() - began, passages=tuple(taken))


def read_cut(session: Session, document: Document, questions: Sequence[str]) -> int:
    """Read the first and the last tokens of `document` that fit beside the longest question; return how many."""
    tokenizer = session.loaded.tokenizer
    session.engine.read(session.cache, session.prompt.prefix)
    room = session.cache.room - reserve(session, questions)
    ids = list(TokenStream([document], tokenizer))
    gap = encode_text(tokenizer, GAP)
    if room <= len(gap):
        raise UsageError(
            f"a cache of {session.cache.geometry.cache_size} slots has no room for a cut document; "
            "give a larger --cache-size, or leave out the method cut"
        )
    session.engine.read(session.cache, ends_of(ids, room, gap))
    return room - len(gap) if len(ids) > room else len(ids)


def ends_of(ids: list[int], room: int, gap: list[int]) -> list[int]:
    """Return `ids` if they fit in `room`; else the first and the last of them, as many of each, around `gap`."""
    if len(ids) <= room:
        return ids
    tail = (room - len(gap)) // 2
    head = room - len(gap) - tail
    return [*ids[:head], *gap, *ids[len(ids) - tail :]]


def reserve(session: Session, questions: Sequence[str]) -> int:
    """Slots that the longest question and its answer take."""
    longest = max(len(session.prompt.request(FROM_MEMORY.format(question=question))) for question in questions)
    return longest + limit_of(session)
