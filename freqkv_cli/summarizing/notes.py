"""Notes while reading: at the end of a section the model says what the section told, from the half that tells most."""

import re
import time
from collections.abc import Generator
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np

from freqkv_cli.answering.shown_passages import shown
from freqkv_cli.answering.verification import claims
from freqkv_cli.documents.page import Page
from freqkv_cli.errors import UsageError
from freqkv_cli.events import Event, Note
from freqkv_cli.location import title_of
from freqkv_cli.prompts import FOCUS, NOTE, NOTE_KINDS, WRITE
from freqkv_cli.reading.session import Session
from freqkv_cli.reading.writing import Answer
from freqkv_cli.retrieval.language import written_in
from freqkv_cli.retrieval.log_lines import kind_of
from freqkv_cli.retrieval.sentences import clean_sentences
from freqkv_cli.retrieval.word_vectors import text_vectors
from freqkv_cli.summarizing.extract import central_sentence
from freqkv_cli.summarizing.sections import WORDS, Section, SectionFinder

NOTE_TOKENS = 90
READ_AGAIN = 450  # words of a section for its note
# "1. **Cache**: ...", at the beginning of a line or behind a full stop, and the "The key points are:" before it.
LABEL = re.compile(r"\*\*[^*\n]{1,60}(?:\*\*\s*:|:\s*\*\*)\s*")
LIST_MARK = re.compile(r"(?:^\s*|(?<=[:;.!?]\s))(?:[-*\u2022]|\d{1,2}[.)])\s+|\*\*|^#+\s*", re.MULTILINE)
ANNOUNCEMENT = re.compile(r"(?:(?<=[.!?]\s)|^)[^.!?:\n]{0,160}:\s*(?=\n|$)", re.MULTILINE)
WRITER = 0.4e9  # weights from which on a model writes sentences that are worth reading


@dataclass(frozen=True, slots=True)
class SectionNote:
    """What a section says. `first` and `last` are the numbers of its passages; `written`: by the model, in its words;
    else it is a sentence of the document.
    """

    title: str | None
    document: str
    place: str
    text: str
    written: bool
    first: int
    last: int

    @property
    def label(self) -> str:
        """Where the note belongs: "Chapter 4, lines 622-744"."""
        heading = title_of(self.title) if self.title else None
        return f"{heading}, {self.place}" if heading and heading != self.place else self.place

    def as_json(self) -> dict[str, Any]:
        """Return the note as an object of the report."""
        return asdict(self)


def note_of(kept: "SectionNote | dict[str, Any]") -> SectionNote | None:
    """Return a note from what a session has of it; None for one of an older shape, which is taken anew."""
    if isinstance(kept, SectionNote):
        return kept
    return SectionNote(**kept) if set(kept) == {one.name for one in fields(SectionNote)} else None


def can_write(session: Session) -> bool:
    """Return whether the model writes for itself: one that is too small extracts, and so does any at low effort."""
    return session.settings.effort != "low" and session.loaded.parameters >= WRITER


def in_language(session: Session) -> str:
    """Return how a model is told what language to write in: the one asked for, else that of the documents."""
    assert session.retriever is not None
    if session.settings.language:
        return f" in {session.settings.language}"
    return written_in(session.retriever.index.language)


def request_of(session: Session, prompt: str, **said: object) -> str:
    """Return a prompt with what it says, the language to write in, once more at its end, and the topic to keep to."""
    topic, language = session.settings.focus, in_language(session)
    request = prompt.format(language=language, focus=FOCUS.format(focus=topic) if topic else "", **said)
    return request + (WRITE.format(language=language) if language else "")


@dataclass(slots=True)
class NoteTaker:
    """Follows a reading (a `Watcher`) and takes notes, one behind every section; `seconds` is the time spent."""

    session: Session
    notes: list[SectionNote] = field(default_factory=list)
    seconds: float = 0.0
    _finder: SectionFinder = field(init=False)
    _ready: list[tuple[int, Section]] = field(default_factory=list)
    _next: int = 0  # passage
    _tokens: int = 0  # of the passages so far

    def __post_init__(self) -> None:
        self._finder = SectionFinder(WORDS[self.session.settings.effort])
        self.notes = [note for one in self.session.notes if (note := note_of(one)) is not None]

    def add(self, number: int, page: Page) -> None:
        """Nothing: the session's retriever has taken the page."""

    def after_chunk(self) -> Generator[Event, None, None]:
        """Take the notes that are due: those on sections that have been read to their end."""
        self._gather()
        while self._ready and self._ready[0][0] <= self.session.tokens_read:
            yield from self._take(self._ready.pop(0)[1])

    def finish(self) -> Generator[Event, None, None]:
        """Take the notes that are left."""
        self._gather()
        if (left := self._finder.finish()) is not None:
            self._ready.append((0, left))
        while self._ready:
            yield from self._take(self._ready.pop(0)[1])

    def take_all(self) -> Generator[Event, None, None]:
        """Take the notes on what was read earlier, from the passages that were kept of it."""
        if not self.notes:
            yield from self.finish()

    def _gather(self) -> None:
        """Find the sections among the passages that have come since."""
        retriever = self.session.retriever
        assert retriever is not None
        done = self.notes[-1].last if self.notes else -1  # by a reading that was stopped
        while self._next < len(retriever.index):
            passage = retriever.index[self._next]
            self._next += 1
            if (section := self._finder.add(passage)) is not None and section.passages[-1].index > done:
                self._ready.append((self._tokens, section))
            self._tokens += self.session.count_tokens(passage.text) + 1

    def _take(self, section: Section) -> Generator[Event, None, None]:
        began = time.perf_counter()
        session = self.session
        retriever = session.retriever
        assert retriever is not None
        language = retriever.index.language
        topic = session.settings.focus or ""
        sentence, _ = central_sentence(section.passages, language, topic)
        text = (yield from self._write(section)) if can_write(session) else ""
        document = retriever.documents[section.passages[0].document].name
        first, last = section.passages[0].index, section.passages[-1].index
        note = SectionNote(section.title, document, section.place, text or sentence, bool(text), first, last)
        self.notes.append(note)
        session.so_far.notes = list(self.notes)
        self.seconds += time.perf_counter() - began
        yield Note(f"{note.label}: {note.text}", wanted=True)

    def _write(self, section: Section) -> Generator[Event, None, str]:
        """Return what the model says of a section, without sentences whose names or numbers are not in the text."""
        session = self.session
        assert session.retriever is not None
        kind = session.retriever.documents[section.passages[0].document].kind
        request = request_of(session, NOTE, kind=NOTE_KINDS.get(kind, ""))
        part = singular_lines(section) if kind == "log" else telling_part(section)
        try:
            answer = yield from say_of(session, part, request, NOTE_TOKENS)
        except UsageError:  # in so small a cache a section is not read again: a sentence of it is its note
            return ""
        sentences = whole_sentences(answer, session.retriever.index.language)
        return " ".join(one for one in sentences if session.retriever.index.holds_all(claims(one)))


def say_of(session: Session, text: str, request: str, limit: int) -> Generator[Event, None, Answer]:
    """Return what the model says at `request` when it has read `text` again, in at most `limit` tokens.

    Raises UsageError where the cache is too small for that, and KeyboardInterrupt: half a note is none.
    """
    on = session.consult(text, limit + session.count_tokens(request) + 40)
    answer = yield from session.answer(request, limit, on=on, quiet=True)
    if answer.finish_reason == "interrupted":
        raise KeyboardInterrupt
    return answer


def as_prose(text: str) -> str:
    """Return what a model wrote without the marks of lists and headings, and without the lines that announce a list."""
    plain = LIST_MARK.sub("", LABEL.sub("", text))
    return " ".join(ANNOUNCEMENT.sub("", plain).split())


def whole_sentences(answer: Answer, language: str) -> list[str]:
    """Return the sentences that a model wrote, as prose, without one that was cut off by the limit."""
    sentences = clean_sentences(as_prose(answer.text), language)
    if answer.finish_reason == "length" and len(sentences) > 1:
        del sentences[-1]
    return sentences


def telling_part(section: Section) -> str:
    """Return about half of a section: its first passage and those that are most like all of it, in order.

    Notes from the memory alone named the words of the document and not what it says, and reading the whole section
    again costs more than reading did (docs/experiments.md).
    """
    passages = section.passages
    vectors = text_vectors([passage.text for passage in passages])
    likeness = vectors @ vectors.mean(0)
    words, taken = 0, []
    for place in [0, *(int(place) for place in np.argsort(-likeness, kind="stable") if place)]:
        taken.append(place)
        words += len(passages[place].text.split())
        if words >= READ_AGAIN:
            break
    return "\n\n".join(shown(passages[place]) for place in sorted(taken))


def singular_lines(section: Section) -> str:
    """Return the lines of a part of a log that came once, numbers aside; where each came again, one of every kind.

    What a log repeats is routine, and it is most of it. What it says once is what happened.
    """
    kinds: dict[str, list[str]] = {}
    for passage in section.passages:
        for line in passage.text.splitlines():
            kinds.setdefault(kind_of(line), []).append(line)
    once = [lines[0] for lines in kinds.values() if len(lines) == 1]
    return "\n".join(once or [lines[0] for lines in kinds.values()])
