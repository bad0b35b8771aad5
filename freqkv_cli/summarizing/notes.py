"""Notes while reading: at the end of a section the model is shown its central sentences on a fork, and writes a note.

What it writes is kept only as far as the text says so (answering/grounding.py); else the note quotes the text itself.
"""

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace

from freqkv_cli.answering.grounding import Grounds
from freqkv_cli.documents.page import Page
from freqkv_cli.events import Event, Note
from freqkv_cli.reading.prompt import encode_text
from freqkv_cli.reading.session import Session
from freqkv_cli.reading.token_stream import TokenStream
from freqkv_cli.summarizing.central import Background, Candidate, Digest, digest, meaning
from freqkv_cli.summarizing.drafts import in_language, keep, quietly
from freqkv_cli.summarizing.note import SectionNote
from freqkv_cli.summarizing.prose import says_again
from freqkv_cli.summarizing.sections import SectionFinder
from freqkv_cli.summarizing.stretches import Stretch, StretchReader, join_passages

SECTIONS = {"low": 24, "medium": 24, "high": 48}  # about how many, over all documents; chapters may make them more
SHORTEST_SECTION = 250  # words
PER_WORD = 6  # bytes of a document for one word, before anything of it is known
READ_AGAIN = 4  # sentences of a section
NOTE_SENTENCES, NOTE_TOKENS = 2, 60  # at most
HEAD_START = 0.1  # of the time that reading will take, by which notes may be ahead of it
SHORT_NOTE = 14  # words of a quoted sentence beside which a second one stands
TRIAL, ENOUGH = 6, 0.34  # notes after which a model is judged, and the share of them that must stand
REQUEST = (
    "Sentences from the part of the document that was read last:\n\n{sentences}\n\n"
    "Write a note on this part in one short sentence, in the words and with the names used above.{language}"
)
TIME_IS_UP = (
    "notes would take longer than reading: from {label} on the text is quoted where there is no time "
    "(--effort high writes all)"
)
GIVEN_UP = (
    "{kept} of {drafts} notes of the model are what the text says: from here on the text is quoted "
    "(--effort high goes on asking; --verify names asks less of its words)"
)


@dataclass(slots=True)
class Noted:
    """A section without its text, its note and its digest."""

    note: SectionNote
    stretch: Stretch
    digest: Digest


@dataclass(slots=True)
class NoteTaker:
    """Follows a reading (a `Watcher`) and takes notes, holding the text of one section, and what is ready, at a time.

    `drafts` counts the notes that the model wrote, `kept` those of which something could be kept, `withheld` its
    sentences that could not; `seconds` is the time spent.
    """

    session: Session
    noted: list[Noted] = field(default_factory=list)
    withheld: int = 0
    drafts: int = 0
    kept: int = 0
    seconds: float = 0.0
    unquotable: list[str] = field(default_factory=list)
    background: Background = field(default_factory=Background)
    _reader: StretchReader | None = None
    _ready: list[tuple[int, Stretch]] = field(default_factory=list)
    _words: int = 0
    _total_words: int = 0  # where they are known
    _late: bool = False

    @property
    def asks(self) -> bool:
        """Whether the model is asked to write: not at low effort, nor at medium once it has shown that it cannot."""
        effort = self.session.settings.effort
        failed = self.drafts >= TRIAL and self.kept < ENOUGH * self.drafts
        return effort == "high" or (effort == "medium" and not failed)

    @property
    def stream(self) -> TokenStream:
        """What the session reads."""
        assert self.session.stream is not None
        return self.session.stream

    @property
    def notes(self) -> list[SectionNote]:
        """All notes, in the order of the documents."""
        return [noted.note for noted in self.noted]

    def add(self, number: int, page: Page) -> None:
        """Take a page of document `number`, from 0."""
        if self._reader is None or self._reader.document != number:
            self._end_document()
            document = self.stream.documents[number]
            finder = SectionFinder(
                number,
                words=SHORTEST_SECTION,
                has_pages=document.has_pages,
                markdown=document.kind == "markdown",
            )
            self._reader = StretchReader(number, finder)
        self._words += len(page.text.split())
        self._reader.finder.words = self._section_words()
        before = self._reader.length
        for stretch in self._reader.add(page):
            # The page is not read yet: a note on what ends in it is due when the reading has come so far.
            end = 0 if self._total_words else stretch.end - before
            ahead = encode_text(self.session.loaded.tokenizer, page.text[:end])
            self._ready.append((self.stream.total + len(ahead), stretch))

    def after_chunk(self) -> Generator[Event, None, None]:
        """Take the notes that are due."""
        while self._ready and self._ready[0][0] <= self.session.tokens_read:
            yield from self._take_note(self._ready.pop(0)[1])

    def finish(self) -> Generator[Event, None, None]:
        """Take the notes that are left when everything is read, and work out the shares of the documents."""
        self._end_document()
        while self._ready:
            yield from self._take_note(self._ready.pop(0)[1])
        ends: dict[int, int] = {}
        for noted in self.noted:
            ends[noted.stretch.section.document] = max(1, noted.stretch.end)
        for noted in self.noted:
            total = ends[noted.stretch.section.document]
            noted.note = self._note(noted.stretch, noted.note.text, noted.note.quoted, noted.note.where, total)

    def take_all(self) -> Generator[Event, None, None]:
        """Take the notes on what was read earlier, from the passages that were kept of it."""
        assert self.session.lookup is not None
        self._total_words = sum(len(passage.text.split()) for passage in self.session.lookup.index)
        for number, page in join_passages(self.session.lookup.index):
            self.add(number, page)
            while self._ready:
                yield from self._take_note(self._ready.pop(0)[1])
        yield from self.finish()

    def _end_document(self) -> None:
        stretch = self._reader.finish() if self._reader else None
        if stretch is not None:
            self._ready.append((self.stream.total, stretch))
        self._reader = None

    def _section_words(self) -> int:
        """How long a section should be, as far as the length of everything is known by now."""
        if self._total_words:
            return max(SHORTEST_SECTION, round(self._total_words / SECTIONS[self.session.settings.effort]))
        documents = self.stream.documents
        here = self.stream.current
        share = (
            sum(one.byte_count for one in documents[:here]) + documents[here].progress() * documents[here].byte_count
        )
        size = sum(one.byte_count for one in documents)
        whole = self._words * size / share if share else size / PER_WORD
        return max(SHORTEST_SECTION, round(whole / SECTIONS[self.session.settings.effort]))

    def _take_note(self, stretch: Stretch) -> Generator[Event, None, None]:
        began = time.perf_counter()
        focus = meaning(self.session.settings.focus or "")
        found = digest(stretch.passages, self.background, READ_AGAIN, focus)
        earlier = [note.text for note in self.notes]
        candidates = [one for one in found.sentences if not says_again(one.text, earlier)] or found.sentences[:1]
        if focus and not any(focus & meaning(passage.text) for passage in stretch.passages):
            return  # nothing here is about the topic
        if not candidates:
            self.unquotable.append(stretch.section.place)
            return
        written: list[str] = []
        if self.asks and (yield from self._in_time(stretch)):
            written = yield from self._write(candidates)
            if not self.asks:
                yield Note(GIVEN_UP.format(kept=self.kept, drafts=self.drafts), wanted=True)
        sources = [max(candidates, key=lambda one: one.support(text)) for text in written] or quoted(candidates)
        text = " ".join(written or [one.text for one in sources])
        note = self._note(stretch, text, not written, places(sources), stretch.end)
        self.noted.append(Noted(note, replace(stretch, passages=()), found))
        self.seconds += time.perf_counter() - began
        yield Note(f"{note.label}: {note.text}", wanted=True)

    def _in_time(self, stretch: Stretch) -> Generator[Event, None, bool]:
        """Whether one more note leaves the time for notes below the time for reading, which is said if it does not."""
        each = self.seconds / len(self.noted) if self.noted else 0.0
        if self.session.settings.effort == "high" or self.seconds + each <= self._seconds_allowed():
            return True
        if not self._late:
            self._late = True
            yield self.session.warn(TIME_IS_UP.format(label=stretch.section.place))
        return False

    def _seconds_allowed(self) -> float:
        """How long notes may have taken by now: as long as reading, with a head start while there is more to read."""
        session = self.session
        if session.restored is not None:
            return session.restored.read_seconds
        reading = session.seconds_reused + session.read_seconds
        total = self.stream.estimated_total() or 0
        whole = reading * max(1.0, total / session.tokens_read) if session.tokens_read else 0.0
        return min(whole, reading + HEAD_START * whole)

    def _write(self, candidates: Sequence[Candidate]) -> Generator[Event, None, list[str]]:
        """Return the sentences that the model writes on these, as far as they can be kept."""
        settings = self.session.settings
        request = REQUEST.format(
            sentences="\n".join(f"- {one.text}" for one in candidates), language=in_language(settings)
        )
        if not self.session.fits(request):
            return []
        answer = yield from quietly(self.session, request, min(NOTE_TOKENS, settings.max_tokens or NOTE_TOKENS))
        assert self.session.lookup is not None
        grounds = Grounds.of([one.text for one in candidates])
        vocabulary = self.session.lookup.vocabulary
        rule, language = self.session.rule, settings.language or ""
        given = [note.text for note in self.notes]
        kept, withheld = keep(answer.text, request, grounds, vocabulary, rule, language, given)
        self.drafts += 1
        self.kept += bool(kept)
        self.withheld += withheld
        return kept[:NOTE_SENTENCES]

    def _note(self, stretch: Stretch, text: str, own: bool, where: str, total: int) -> SectionNote:
        section = stretch.section
        return SectionNote(
            section.title,
            self.stream.documents[section.document].name,
            section.place,
            text,
            own,
            where,
            section.first_page,
            section.last_page,
            section.first_line,
            section.last_line,
            round(stretch.start / total, 4),
            round(stretch.end / total, 4),
        )


def quoted(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the sentences that stand for a note: the most central one, and the next if that is short."""
    first, *others = candidates
    if len(first.text.split()) < SHORT_NOTE and others and first.score < 4 * others[0].score:
        return [first, others[0]]
    return [first]


def places(candidates: Sequence[Candidate]) -> str:
    """Return where sentences stand, each place once."""
    return ", ".join(dict.fromkeys(one.passage.place for one in candidates))
