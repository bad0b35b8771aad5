"""The summary: from the notes and the memory, in the model's own words, each name and number looked up."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

from freqkv_cli.answering.shown_passages import EDGE, describe, titles_of
from freqkv_cli.answering.verification import Citation, cited, claims, is_in
from freqkv_cli.events import Event, Progress
from freqkv_cli.prompts import FOCUS, KINDS, MERGE, OPENING, SUMMARY
from freqkv_cli.reading.session import Session
from freqkv_cli.reading.writing import Answer
from freqkv_cli.retrieval.language import stems
from freqkv_cli.retrieval.sentences import clean_sentences
from freqkv_cli.retrieval.table import TABLES
from freqkv_cli.summarizing.extract import central_sentence, evenly, spread
from freqkv_cli.summarizing.notes import (
    SectionNote,
    as_prose,
    can_write,
    in_language,
    request_of,
    say_of,
    whole_sentences,
)

NOTES = "Notes, in the order of the document:"
WORDS = {"short": 60, "medium": 150, "long": 400}
TOKENS_PER_WORD = 2  # with room to finish the last sentence
CHARACTERS = 3  # of a token, at least
GROUP, MERGED_SENTENCES = 6, 2  # notes that are merged into how many sentences
OPENING_TOKENS = 80
FEW_NOTES = 3  # fewer of them say too little for a summary
SAME = 0.8  # share of its words that a sentence has in common with an earlier one which it only repeats


@dataclass(slots=True)
class Summary:
    """Sentences with the passage each rests on; `written` counts those of the model, `dropped` its repetitions.

    `missing`: names and numbers that stand nowhere in the documents, each marked where it is told.
    """

    sentences: list[Citation] = field(default_factory=list)
    written: int = 0
    dropped: int = 0
    missing: list[str] = field(default_factory=list)
    answer: Answer = field(default_factory=Answer)


def write_summary(session: Session, notes: Sequence[SectionNote]) -> Generator[Event, None, Summary]:
    """Return the summary of what was read; an extract where the model cannot write.

    Of a short document, and at the user's own request, the model writes all of it. Of a longer one it says what the
    document is, and sentences of the notes, chosen from all parts of it, say what is in it: from many notes it wrote
    down how they began, and merging them level by level made things up (docs/experiments.md). What is in a table has
    been counted.
    """
    retriever = session.retriever
    assert retriever is not None
    if not can_write(session) or not notes:
        return extract(session, notes)
    words = words_wanted(session)
    limit = session.settings.max_tokens or words * TOKENS_PER_WORD + 40
    request = request_for(session, words)
    beside = limit + session.count_tokens(request) + 40
    room = session.free_slots - beside
    frame = describe(retriever)
    free = room // 2 - session.count_tokens(frame)  # for more of the beginning, which says what a document is
    frame = cut_to(session, describe(retriever, EDGE + max(0, free) * CHARACTERS), room // 2)
    left = room - session.count_tokens(frame)
    kinds = {document.kind for document in retriever.documents}
    counted = retriever.table.lines if kinds <= TABLES else []
    if session.settings.prompt or (len(notes) < FEW_NOTES and not counted):
        told = yield from merged(session, notes, left)
        return (yield from written(session, f"{frame}\n\n{NOTES}\n{bullets(told)}", request, limit, beside))
    language = retriever.index.language
    said = [] if counted else spread(noted(notes, language), words)
    text = f"{frame}\n\n{NOTES}\n{cut_to(session, bullets(said), left)}"
    opening = yield from written(session, text, request_of(session, OPENING), OPENING_TOKENS, beside)
    if opening.answer.finish_reason == "length":  # of the opening, of which a sentence is taken
        opening.answer.finish_reason = "stop"
    summary = checked(session, opening.answer, said, opening.sentences[:1])
    summary.sentences += [Citation(f"{line}.", "supported", retriever.index[0], "") for line in counted]
    return summary


def written(session: Session, text: str, request: str, limit: int, beside: int) -> Generator[Event, None, Summary]:
    """Return what the model writes at `request` when it has read `text`; once more where it tells what is not there."""
    assert session.retriever is not None
    language = session.retriever.index.language
    cache = session.consult(text, beside)
    answer = yield from session.answer(request, limit, on=cache, quiet=True)
    summary = checked(session, answer, whole_sentences(answer, language))
    if summary.missing:
        again = f"{request} Do not mention: {', '.join(summary.missing)}."
        answer = yield from session.answer(again, limit, on=cache, quiet=True)
        second = checked(session, answer, whole_sentences(answer, language))
        if second.sentences and len(second.missing) < len(summary.missing):
            summary = second
    return summary


def request_for(session: Session, words: int) -> str:
    """Return what the model is asked to write."""
    settings = session.settings
    if settings.prompt:
        return f"{settings.prompt}{FOCUS.format(focus=settings.focus) if settings.focus else ''}"
    assert session.retriever is not None
    kinds = {document.kind for document in session.retriever.documents}
    kind = KINDS.get(kinds.pop(), "") if len(kinds) == 1 else ""
    return request_of(session, SUMMARY, words=words, kind=kind)


def merged(session: Session, notes: Sequence[SectionNote], most: int) -> Generator[Event, None, list[str]]:
    """Return the notes, merged group by group, level by level, until they have at most `most` tokens."""
    told = [note.text for note in notes]
    assert session.retriever is not None
    language = session.retriever.index.language
    while len(told) > 1 and (total := session.count_tokens(bullets(told))) > most:
        level = []
        group = min(GROUP, max(2, -(-total // most)))
        for start in range(0, len(told), group):
            few = told[start : start + group]
            yield Progress("answering", source="merging notes", tokens_done=start, tokens_total=len(told))
            request = MERGE.format(sentences=MERGED_SENTENCES, language=in_language(session))
            answer = yield from say_of(session, bullets(few), request, 40 * MERGED_SENTENCES + 40)
            level.append(" ".join(whole_sentences(answer, language)) or few[0])
        told = level
    return told


def noted(notes: Sequence[SectionNote], language: str) -> list[str]:
    """Return the sentences of notes, in order."""
    return clean_sentences(as_prose(" ".join(note.text for note in notes)), language)


def cut_to(session: Session, text: str, most: int) -> str:
    """Return the beginning of a text, of about `most` tokens."""
    tokens = session.count_tokens(text)
    return text if tokens <= most else text[: len(text) * max(0, most) // tokens]


def checked(session: Session, answer: Answer, sentences: Sequence[str], before: Sequence[Citation] = ()) -> Summary:
    """Return the sentences that the model wrote with their places, behind those `before`, without repetitions; `answer`
    says how the writing went.
    """
    retriever = session.retriever
    assert retriever is not None
    language = retriever.index.language
    titles, counted = titles_of(retriever), retriever.table.passage
    missing_before = [claim for one in before for claim in one.missing]
    summary = Summary(list(before), len(before), missing=missing_before, answer=answer)
    for sentence in sentences:
        if any(repeats(sentence, one.sentence, language) for one in summary.sentences):
            summary.dropped += 1
            continue
        places = [hit.passage for hit in retriever.find([sentence], 5)]
        missing = [
            claim
            for claim in claims(sentence, titles)
            if not retriever.index.holds_all([claim]) and not (counted and is_in(claim, counted.text))
        ]
        summary.missing += missing
        citation = cited(sentence, "", set(), places, language)
        verdict = "not found" if missing else "quoted" if citation.verdict == "quoted" else "supported"
        summary.sentences.append(
            Citation(sentence, verdict, citation.passage, citation.quote, tuple(missing))  # type: ignore[arg-type]
        )
        summary.written += 1
    return summary


def extract(session: Session, notes: Sequence[SectionNote]) -> Summary:
    """Return sentences of the document, spread over it: the first one, then central ones to its end."""
    retriever = session.retriever
    assert retriever is not None
    index, language = retriever.index, retriever.index.language
    words = words_wanted(session)
    parts = max(1, min(len(index), words // 20))
    summary = Summary()
    for part in evenly(len(index), parts):
        passages = [index[place] for place in part]
        sentence, passage = central_sentence(passages, language, session.settings.focus or "")
        if not any(repeats(sentence, one.sentence, language) for one in summary.sentences):
            summary.sentences.append(Citation(sentence, "quoted", passage, sentence))
    return summary


def repeats(sentence: str, earlier: str, language: str) -> bool:
    """Return whether a sentence says what an earlier one has said."""
    own, other = set(stems(sentence, language)), set(stems(earlier, language))
    return bool(own) and len(own & other) >= SAME * len(own)


def bullets(texts: Sequence[str]) -> str:
    """Return texts as a list."""
    return "\n".join(f"- {text}" for text in texts)


def words_wanted(session: Session) -> int:
    """Return how many words the summary should have."""
    length = session.settings.length
    return WORDS[length] if isinstance(length, str) else length
