"""A reply: an answer and what it rests on, as it is printed and as a part of a report."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from freqkv_cli.answering.verification import Citation
from freqkv_cli.prompts import labels_in
from freqkv_cli.reading.session import Session
from freqkv_cli.reading.writing import Answer
from freqkv_cli.retrieval.language import detect_language
from freqkv_cli.retrieval.passage import Passage


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


def with_places(session: Session, question: str, reply: Reply) -> str:
    """Return an answer as it is printed, with what was not found marked in the language of the question, then its
    quotes and their places.
    """
    text = reply.answer.text
    if session.settings.strict:
        text = " ".join(one.sentence for one in reply.citations)
    missing = list(dict.fromkeys(claim for citation in reply.citations for claim in citation.missing))
    text += marked(missing, detect_language(question))
    quotes = dict.fromkeys((citation.quote, place_of(session, citation.passage)) for citation in reply.citations)
    return "\n".join([text, *(f'"{quote}" [{place}]' for quote, place in quotes)])


def marked(missing: Sequence[str], language: str) -> str:
    """Return the mark behind a text with names or numbers that stand nowhere in the documents; none without any."""
    return f" [{labels_in(language).not_found}: {', '.join(missing)}]" if missing else ""


def place_of(session: Session, passage: Passage) -> str:
    """Return where a passage stands, with the name of its document where there are several."""
    assert session.retriever is not None
    documents = session.retriever.documents
    return f"{documents[passage.document].name}, {passage.place}" if len(documents) > 1 else passage.place


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
