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

from freqkv_cli.documents.document import Document
from freqkv_cli.inference.engine import Engine
from freqkv_cli.kvcache.cache import make_cache
from freqkv_cli.kvcache.policies.policy import make_policy
from freqkv_cli.lab.question_file import Question
from freqkv_cli.lab.reading import last_value
from freqkv_cli.lab.verdicts import AnswerRecord
from freqkv_cli.tasks.ask import MAX_TOKENS
from freqkv_cli.tasks.events import Event
from freqkv_cli.tasks.prompt import encode_text
from freqkv_cli.tasks.session import Session
from freqkv_cli.tasks.tokens import TokenStream

METHODS = ("ask", "memory", "window", "cut", "passages")
REQUEST = "Answer this question about the document above in one or two sentences.\nQuestion: {question}"
GAP = "\n\n[...]\n\n"  # between the pieces of a document that is not whole
PASSAGES = 5

Answering = Callable[[str], AnswerRecord]
Search = Callable[[str, int], Sequence[str]]  # question, how many -> texts of the best passages, the best first


@dataclass(frozen=True, slots=True)
class Ready:
    """A method that can be asked, and the session it answers with. `tokens` is what it read of the document."""

    name: str
    answer: Answering
    session: Session
    tokens: int


def prepare(
    opened: Session, document: Document, questions: Sequence[Question], methods: Iterable[str], search: Search | None
) -> Generator[Event, None, list[Ready]]:
    """Read `document` once for each policy that `methods` need; return the methods in the order of METHODS.

    `opened` gives model and settings, its own cache stays empty. `search` may be None if "passages" is not asked for.
    """
    wanted, ready = set(methods), []
    readers: dict[str, Session] = {}
    for name, policy in (("ask", opened.settings.policy), ("memory", "freqkv"), ("window", "window")):
        if name not in wanted:
            continue
        if policy not in readers:
            readers[policy] = fresh_session(opened, policy)
            yield from readers[policy].read([document])
        session = readers[policy]
        ready.append(
            Ready(
                name,
                _answering(shipped_answer if name == "ask" else plain_answer, session),
                session,
                session.tokens_read,
            )
        )
    if "cut" in wanted:
        session = fresh_session(opened, "full")
        kept = read_cut(session, document, [question.text for question in questions])
        ready.append(Ready("cut", _answering(plain_answer, session), session, kept))
    if "passages" in wanted:
        assert search is not None
        session = fresh_session(opened, "full")
        ready.append(Ready("passages", lambda question: passages_answer(session, question, search), session, 0))
    return ready


def _answering(way: Callable[[Session, str], AnswerRecord], session: Session) -> Answering:
    return lambda question: way(session, question)


def fresh_session(session: Session, policy: str) -> Session:
    """Return a session with the same model and an empty cache of the same geometry under another policy."""
    model, geometry = session.loaded.model, session.cache.geometry
    return replace(
        session,
        settings=replace(session.settings, policy=policy),  # type: ignore[arg-type]
        engine=Engine(model, session.engine.chunk),
        cache=make_cache(model, geometry, make_policy(policy), window=geometry.cache_size),
        tokens_read=0,
        read_seconds=0.0,
        stream=None,
        warnings=[],
    )


def shipped_answer(session: Session, question: str) -> AnswerRecord:
    """Answer as `freqkv ask` does once `session` has read the document."""
    return plain_answer(session, question)


def plain_answer(session: Session, question: str) -> AnswerRecord:
    """Answer from what is in the cache of `session`, on a fork. Raises KeyboardInterrupt when the user stops it."""
    began = time.perf_counter()
    answer = last_value(session.answer(REQUEST.format(question=question), answer_length(session)))
    if answer.finish_reason == "interrupted":
        raise KeyboardInterrupt
    return AnswerRecord(answer.text, time.perf_counter() - began)


def passages_answer(session: Session, question: str, search: Search) -> AnswerRecord:
    """Answer from the best passages alone, as many as fit, in the order in which the search gives them."""
    began = time.perf_counter()
    alone = fresh_session(session, "full")
    alone.engine.read(alone.cache, alone.prompt.prefix)
    room = alone.cache.room - _reserve(alone, [question])
    ids: list[int] = []
    taken: list[str] = []
    for passage in search(question, PASSAGES):
        more = encode_text(alone.loaded.tokenizer, passage + GAP)
        if len(ids) + len(more) > room:
            break
        ids += more
        taken.append(passage)
    alone.engine.read(alone.cache, ids)
    record = plain_answer(alone, question)
    return replace(record, seconds=time.perf_counter() - began, passages=tuple(taken))


def read_cut(session: Session, document: Document, questions: Sequence[str]) -> int:
    """Read the first and the last tokens of `document` that fit beside the longest question; return how many."""
    session.engine.read(session.cache, session.prompt.prefix)
    ids = list(TokenStream([document], session.loaded.tokenizer))
    head, tail = cut_tokens(ids, session.cache.room - _reserve(session, questions), _gap(session))
    session.engine.read(session.cache, [*head, *tail])
    return min(len(ids), len(head) + len(tail) - (len(_gap(session)) if len(head) + len(tail) < len(ids) else 0))
