"""Methods: the ways to answer that are compared, each with the same model, the same slots and the same wording."""

import time
from collections.abc import Generator
from dataclasses import dataclass, replace
from itertools import takewhile

from freqkv_cli.answering.answer import MAX_TOKENS, Turn, in_language, with_turns
from freqkv_cli.answering.conversation import Conversation
from freqkv_cli.answering.reply import Reply
from freqkv_cli.answering.shown_passages import REQUEST_ROOM, gather, shown
from freqkv_cli.documents.document import Document
from freqkv_cli.events import Event
from freqkv_cli.prompts import ANSWER
from freqkv_cli.reading.open_session import new_session
from freqkv_cli.reading.plan import Plan
from freqkv_cli.reading.session import Session
from freqkv_cli.retrieval.passage import Passage
from freqkv_cli.states.opening import ReadingRequest, fill

READ, WINDOW, SKIM = "read", "read with the window policy", "searched"  # what becomes of the document before


@dataclass(frozen=True, slots=True)
class Method:
    """A way to answer; `judges`: it says for itself whether the document tells the answer."""

    reading: str
    help: str
    judges: bool = False


METHODS = {
    "ask": Method(READ, "as freqkv ask does", judges=True),
    "memory": Method(READ, "from the compressed memory alone"),
    "window": Method(WINDOW, "from the memory of the window policy, which drops what is old"),
    "quick": Method(SKIM, "as freqkv ask --quick does", judges=True),
    "passages": Method(SKIM, "from the passages that are found, with nothing decided or looked up afterwards"),
    "beginning": Method(SKIM, "from as much of the beginning as fits with full attention: all of a short document"),
}


def prepared(reading: str, first: Session, plan: Plan, document: Document) -> Generator[Event, None, Session]:
    """Return a session with the model of `first`, under the same plan, that has read or searched `document`."""
    settings = replace(first.settings, quick=reading == SKIM)
    if reading == WINDOW:
        settings = replace(settings, policy="window", recall=0)
    session = new_session(plan, settings, first.loaded, time.perf_counter())
    yield from fill(session, ReadingRequest([document], settings, plan, session.timing.started, {}))
    return session


def put(method: str, session: Session, question: str, conversation: Conversation) -> Generator[Event, None, Reply]:
    """Ask a method a question in the light of the turns before, and remember it; `session` stays as it was."""
    if method not in ("passages", "beginning"):
        if method == "memory":
            conversation.session = replace(session, settings=replace(session.settings, recall=0))
        return (yield from conversation.ask(question))
    began = time.perf_counter()
    request = with_turns(ANSWER.format(question=question, language=in_language(question)), conversation.turns)
    limit = session.settings.max_tokens or MAX_TOKENS
    room = session.count_tokens(request) + REQUEST_ROOM + limit
    if method == "passages":
        evidence = gather(session, [question], room)
        text, passages = evidence.text, evidence.passages
    else:
        passages = beginning(session, room)
        text = "\n\n".join(map(shown, passages))
    answer = yield from session.answer(request, limit, on=session.consult(text, room), quiet=True)
    answer.seconds = time.perf_counter() - began
    conversation.turns.append(Turn(question, answer.text))
    return Reply(answer, passages=passages, text=answer.text)


def beginning(session: Session, room: int) -> list[Passage]:
    """Return the first passages of the document, as many as fit beside `room` tokens."""
    assert session.retriever is not None
    free = session.free_slots - len(session.prompt.prefix) - room

    def fits(passage: Passage) -> bool:
        nonlocal free
        free -= session.count_tokens(shown(passage)) + 2
        return free >= 0

    return list(takewhile(fits, session.retriever.index))
