"""The summary: from the notes and the memory, in the model's own words, each name and number looked up."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

from freqkv_cli.answering.evidence import EDGE, describe
from freqkv_cli.answering.verification import Citation, cited, claims
from freqkv_cli.events import Event, Progress
from freqkv_cli.prompts import FOCUS, KINDS, MERGE, SUMMARY, WRITE
from freqkv_cli.reading.session import Session
from freqkv_cli.reading.writing import Answer
from freqkv_cli.retrieval.language import stems
from freqkv_cli.summarizing.extract import central_sentence
from freqkv_cli.summarizing.notes import SectionNote, can_write, in_language, whole_sentences

WORDS = {"short": 60, "medium": 150, "long": 400}
TOKENS_PER_WORD = 2  # with room to finish the last sentence
CHARACTERS = 3  # of a token, at least
GROUP, MERGED_SENTENCES = 6, 2  # notes that are merged into how many sentences
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
    """Return the summary of what was read; an extract where the model cannot write."""
    if not can_write(session) or not notes:
        return extract(session, notes)
    words = words_wanted(session)
    limit = session.settings.max_tokens or words * TOKENS_PER_WORD + 40
    request = request_for(session, words)
    beside = limit + session.count_tokens(request) + 40
    assert session.retriever is not None
    room = session.free_slots - beside
    frame = describe(session.retriever)
    free = room // 2 - session.count_tokens(frame)  # for more of the beginning, which says what a document is
    frame = cut_to(session, describe(session.retriever, EDGE + max(0, free) * CHARACTERS), room // 2)
    told = yield from merged(session, notes, room - session.count_tokens(frame))
    text = f"{frame}\n\nNotes, in the order of the document:\n{bullets(told)}"
    cache = session.consult(text, beside)
    answer = yield from session.answer(request, limit, on=cache, quiet=True)
    summary = checked(session, answer)
    if summary.missing:  # once more, without them
        again = f"{request} Do not mention: {', '.join(summary.missing)}."
        answer = yield from session.answer(again, limit, on=cache, quiet=True)
        second = checked(session, answer)
        if second.sentences and len(second.missing) < len(summary.missing):
            summary = second
    return summary


def request_for(session: Session, words: int) -> str:
    """Return what the model is asked to write."""
    settings = session.settings
    focus = FOCUS.format(focus=settings.focus) if settings.focus else ""
    if settings.prompt:
        return f"{settings.prompt}{focus}"
    assert session.retriever is not None
    kinds = {document.kind for document in session.retriever.documents}
    kind = KINDS.get(kinds.pop(), "") if len(kinds) == 1 else ""
    language = in_language(session)
    last = WRITE.format(language=language) if language else ""
    return SUMMARY.format(language=language, words=words, kind=kind, focus=focus) + last


def merged(session: Session, notes: Sequence[SectionNote], room: int) -> Generator[Event, None, list[str]]:
    """Return the notes, merged group by group, level by level, until they fit into `room` tokens, or one is left."""
    told = [note.text for note in notes]
    while len(told) > 1 and session.count_tokens(bullets(told)) > room:
        level = []
        for start in range(0, len(told), GROUP):
            group = told[start : start + GROUP]
            yield Progress("answering", source="merging notes", tokens_done=start, tokens_total=len(told))
            request = MERGE.format(sentences=MERGED_SENTENCES, language=in_language(session))
            on = session.consult(bullets(group), 40 * MERGED_SENTENCES + 100)
            answer = yield from session.answer(request, 40 * MERGED_SENTENCES + 40, on=on, quiet=True)
            del on  # before the next one is made: the estimate of the memory counts two, with the one that reads
            level.append(" ".join(answer.text.split()) or group[0])
        told = level
    return told


def cut_to(session: Session, text: str, most: int) -> str:
    """Return the beginning of a text, of about `most` tokens."""
    tokens = session.count_tokens(text)
    return text if tokens <= most else text[: len(text) * max(0, most) // tokens]


def checked(session: Session, answer: Answer) -> Summary:
    """Return what the model wrote as sentences with their places, without repetitions."""
    retriever = session.retriever
    assert retriever is not None
    language = retriever.index.language
    summary = Summary(answer=answer)
    for sentence in whole_sentences(answer, language):
        if any(repeats(sentence, one.sentence, language) for one in summary.sentences):
            summary.dropped += 1
            continue
        places = [hit.passage for hit in retriever.find([sentence], 5)]
        missing = [claim for claim in claims(sentence) if not retriever.index.holds_all([claim])]
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
    for number in range(parts):
        first, last = number * len(index) // parts, (number + 1) * len(index) // parts
        passages = [index[place] for place in range(first, last)]
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
