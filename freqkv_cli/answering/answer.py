"""An answer: from the passages that fit, in the model's own words, with the places it rests on and what they are worth.

Whether the document says it at all is decided afterwards. A model that is told to refuse refuses what is there
(docs/experiments.md); so it is let answer, and then asked whether that is an answer, and whether the passages tell it.
"""

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

from freqkv_cli.answering.evidence import gather, shown
from freqkv_cli.answering.verification import Citation, best_sentence, check
from freqkv_cli.events import Event, Note, Progress, Text
from freqkv_cli.prompts import ANSWER, ANSWERS, EARLIER, FROM_MEMORY, TELLS, not_said
from freqkv_cli.reading.session import Session
from freqkv_cli.reading.writing import Answer
from freqkv_cli.retrieval.language import detect_language, stems, written_in
from freqkv_cli.retrieval.passage import Passage

MAX_TOKENS = 200
REQUEST_ROOM = 60  # tokens for a question with what stands around it, beside the question itself
DOUBT = 0.125  # nats: where "yes" is no likelier than that, the document does not say
LONGEST_JUDGED = 300  # characters of an answer that are judged
NEAREST = 2  # passages that are named where the document does not say


@dataclass(slots=True)
class Reply:
    """An answer and what it rests on. `answer.text` are the model's own words alone.

    `found`: the document says it; else `text` says that it does not, and `passages` are the nearest. `affirmed`: how
    sure the model is of that, the least of its log-odds of yes over no, in nats; None where it was not asked.
    `answers`: it takes its words for an answer to the question, whether the document tells it or not.
    """

    answer: Answer
    citations: list[Citation] = field(default_factory=list)
    passages: list[Passage] = field(default_factory=list)
    found: bool = True
    text: str = ""
    affirmed: float | None = None
    answers: bool = True


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
    """Answer from the passages that fit, then look up what was claimed."""
    assert session.retriever is not None
    limit = session.settings.max_tokens or MAX_TOKENS
    request = with_turns(ANSWER.format(question=question, language=in_language(question)), earlier)
    room = session.count_tokens(request) + REQUEST_ROOM + limit
    index = session.retriever.index
    for indexed in index.indexing():
        if indexed < len(index):
            yield Progress("indexing", tokens_done=indexed, tokens_total=len(index), total_is_exact=True)
    queries = [question, *(f"{turn.question} {turn.answer} {question}" for turn in earlier[-1:])]
    evidence = gather(session, queries, room)
    if evidence.left_out:
        yield Note(f"the cache has room to read only {len(evidence.passages)} passages again")
    if session.settings.show_passages:
        for passage in evidence.passages:
            yield Note(f"[{place_of(session, passage)}]\n{passage.text}\n", wanted=True)
    cache = session.consult(evidence.text, room)
    answer = yield from session.answer(request, limit, on=cache, quiet=True)
    citations = check(answer.text, question, [*evidence.passages, *evidence.edges], index.language)
    reply = Reply(answer, citations, evidence.passages)
    if answer.finish_reason != "interrupted":
        if citations:
            reply.affirmed = session.affirms(cache, TELLS.format(question=question))
        del cache  # before another is made: the estimate of the memory counts two, with the one that reads
        if citations:
            judge(session, question, reply)
        reply.found = reply.affirmed is not None and reply.affirmed >= DOUBT
    reply.text = in_words(session, question, reply)
    return reply


def judge(session: Session, question: str, reply: Reply) -> None:
    """Ask the model twice more, and lower `affirmed` where it doubts: whether its words answer the question, with
    nothing else in sight, and whether the passage that is cited tells the answer, alone. The second is not put where
    anything was doubted before.
    """
    judged = ANSWERS.format(question=question, answer=reply.answer.text[:LONGEST_JUDGED])
    room = session.count_tokens(judged) + REQUEST_ROOM
    answers = session.affirms(session.consult("", room), judged)
    reply.answers = answers >= DOUBT
    affirmed = answers if reply.affirmed is None else min(reply.affirmed, answers)
    if affirmed >= DOUBT:
        evidence = session.consult(shown(reply.citations[0].passage), room)
        affirmed = min(affirmed, session.affirms(evidence, TELLS.format(question=question)))
    reply.affirmed = affirmed


def in_words(session: Session, question: str, reply: Reply) -> str:
    """Return a reply as it is printed: the answer, with what was not found marked, then its places and quotes."""
    if not reply.found:
        guessed = reply.answers and reply.citations and not any(one.missing for one in reply.citations)
        shown_too = guessed and not session.settings.strict
        guess = [f"(a guess: {' '.join(reply.answer.text.split())})"] if shown_too else []
        return "\n".join([not_said(detect_language(question)), *guess, *nearest(session, question, reply)])
    kept = reply.answer.text
    if session.settings.strict:
        kept = " ".join(one.sentence for one in reply.citations if one.verdict != "not found")
        reply.citations = [one for one in reply.citations if one.verdict != "not found"]
        if not kept:
            reply.found = False
            return in_words(session, question, reply)
    lines = [kept]
    missing = list(dict.fromkeys(claim for citation in reply.citations for claim in citation.missing))
    if missing:
        lines[0] += f" [not found in the text: {', '.join(missing)}]"
    quotes = dict.fromkeys((citation.quote, place_of(session, citation.passage)) for citation in reply.citations)
    lines += [f'"{quote}" [{place}]' for quote, place in quotes]
    return "\n".join(lines)


def nearest(session: Session, question: str, reply: Reply) -> list[str]:
    """Return what a reader may look at where the document is thought not to say: the sentence that the withheld answer
    was taken from, and what is like the question in the passages that fit it best.
    """
    assert session.retriever is not None
    language = session.retriever.index.language
    asked = set(stems(question, language))
    quotes = {one.quote: one.passage for one in reply.citations[:1]}
    for passage in reply.passages[:NEAREST]:
        quotes.setdefault(best_sentence(passage.text, asked, asked, language), passage)
    return [f'(nearest: "{quote}" [{place_of(session, passage)}])' for quote, passage in list(quotes.items())[:NEAREST]]


def place_of(session: Session, passage: Passage) -> str:
    """Return where a passage stands, with the name of its document where there are several."""
    assert session.retriever is not None
    documents = session.retriever.documents
    return f"{documents[passage.document].name}, {passage.place}" if len(documents) > 1 else passage.place


def in_language(question: str) -> str:
    """Return how a model is told to answer in the language of the question."""
    return written_in(detect_language(question))


def with_turns(request: str, earlier: Sequence[Turn]) -> str:
    """Return a request with the turns before it."""
    told = [EARLIER.format(question=turn.question, answer=turn.answer) for turn in earlier]
    return "\n\n".join([*told, request])


def reply_report(session: Session, reply: Reply) -> dict[str, Any]:
    """Return the part of a report that is about one answer (docs/cli.md)."""
    answer = reply.answer
    return {
        "text": reply.text,
        "answer": answer.text,
        "found": reply.found,
        "finish_reason": answer.finish_reason,
        "citations": [
            {
                "sentence": citation.sentence,
                "verdict": citation.verdict,
                "missing": list(citation.missing),
                "quote": citation.quote,
                **place_report(session, citation.passage),
            }
            for citation in reply.citations
        ],
        "passages": [{"text": passage.text, **place_report(session, passage)} for passage in reply.passages],
        "tokens": answer.tokens,
        "timing": {
            "first_token_s": round(answer.first_token_seconds, 3) if answer.first_token_seconds else None,
            "answer_s": round(answer.seconds, 3),
        },
    }


def place_report(session: Session, passage: Passage) -> dict[str, Any]:
    """Return where a passage stands, as a part of a report."""
    assert session.retriever is not None
    where = passage.location
    return {
        "document": session.retriever.documents[passage.document].name,
        "place": passage.place,
        "page": where.page,
        "first_line": where.first_line,
        "last_line": where.last_line,
        "heading": where.heading,
    }
