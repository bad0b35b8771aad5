"""Summarise documents of any length: notes while reading, and from them and the memory the summary, part by part."""

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from freqkv_cli.answering.grounding import Grounds
from freqkv_cli.config import Settings
from freqkv_cli.documents.document import Document
from freqkv_cli.events import Done, Event, Note, Text
from freqkv_cli.reading.report import answer_report
from freqkv_cli.reading.session import Answer, Session
from freqkv_cli.retrieval.vocabulary import Vocabulary, invented_names
from freqkv_cli.states.opening import open_reading
from freqkv_cli.summarizing.central import Candidate, meaning, ranked
from freqkv_cli.summarizing.drafts import in_language, keep, quietly
from freqkv_cli.summarizing.notes import Noted, NoteTaker
from freqkv_cli.summarizing.outline import Sentence, Writer, notes_text
from freqkv_cli.summarizing.prose import says_again

WORDS = {"short": 60, "medium": 150, "long": 400}
TOKENS_PER_WORD = 2  # with room to finish the last sentence
WORDS_PER_PART = 22  # of the summary: a part is told in one or two sentences
TOO_SHORT = 0.3  # share of the words asked for from which on it is said that they are missing
FILLER = 0.5  # share of the best sentence's score below which another is not worth its words
OVER = 1.3  # how much longer than its share a part may become
PART = (
    "Notes on a part of the document:\n\n{notes}\n\n"
    "Sum up this part in at most {words} words, in the words and with the names of the notes.{language}"
)
OWN = "Notes on the document:\n\n{notes}\n\n{prompt}{language}"
NOT_ABOUT = "The document does not seem to speak of {topic}."


def summarize(documents: Sequence[Document], settings: Settings) -> Iterator[Event]:
    """Read `documents` from start to end, taking notes, then summarise them."""
    takers: list[NoteTaker] = []

    def watch(session: Session) -> NoteTaker:
        takers.append(NoteTaker(session))
        return takers[-1]

    session = yield from open_reading(documents, settings, watch=watch)
    taker = takers[-1] if takers else NoteTaker(session)
    if session.restored is not None:  # nothing was read, so nobody watched
        yield from taker.take_all()
    began = time.perf_counter()
    summary = Summary(session, taker)
    answer = Answer()
    try:
        yield from summary.write()
    except KeyboardInterrupt:
        answer.finish_reason = "interrupted"
    answer.text, answer.seconds = summary.writer.text, time.perf_counter() - began
    yield Note(summary.account(), wanted=True)
    report = answer_report("summarize", session, answer, **summary.figures())
    report["timing"]["notes_s"] = round(taker.seconds, 3)
    yield Done(report)


@dataclass(slots=True)
class Summary:
    """Writes the summary of what a session has read and a taker has noted."""

    session: Session
    taker: NoteTaker
    writer: Writer = field(init=False)
    withheld: int = 0

    def __post_init__(self) -> None:
        assert self.session.stream is not None
        self.writer = Writer(self.settings.format, [document.name for document in self.session.stream.documents])

    @property
    def settings(self) -> Settings:
        """The settings of the session."""
        return self.session.settings

    @property
    def _vocabulary(self) -> Vocabulary:
        assert self.session.lookup is not None
        return self.session.lookup.vocabulary

    def write(self) -> Generator[Event, None, None]:
        """Write everything, as Text, sentence by sentence."""
        noted = self.taker.noted
        if self.settings.language:
            yield self.session.warn(
                f"what is written in {self.settings.language} is checked for names and numbers alone"
            )
        if self.taker.unquotable:
            yield self.session.warn(f"no words to quote, so no note: {', '.join(self.taker.unquotable)}")
        if not noted and self.settings.focus:
            yield Text(self.writer.plain(NOT_ABOUT.format(topic=self.settings.focus)))
            return
        if not self.settings.prompt or not (yield from self._own_words(noted)):
            yield from self._parts(noted)
        if self.settings.notes:
            yield Text(self.writer.plain(notes_text(self.taker.notes, self.settings.format, self.writer.names)))

    @property
    def _has_sentences(self) -> bool:
        """Whether the documents are more than logs and tables, whose lines are then no part of a summary."""
        return any(one.whole for noted in self.taker.noted for one in noted.digest.sentences)

    def _parts(self, noted: Sequence[Noted]) -> Generator[Event, None, None]:
        left = words_wanted(self.settings)
        wanted = left
        groups = grouped(noted, max(1, round(left / WORDS_PER_PART)))
        for number, group in enumerate(groups):
            share = left / (len(groups) - number)
            told = yield from self._tell(group, share)
            yield Text(self.writer.add(told, [one.note for one in group]))
            left -= sum(len(one.text.split()) for one in told)
        if left > TOO_SHORT * wanted:
            yield Note(f"there was not more to tell: {wanted - left} of {wanted} words", wanted=True)

    def _tell(self, group: Sequence[Noted], words: float) -> Generator[Event, None, list[Sentence]]:
        """Return the sentences for one part: what the model writes and can be kept, filled up with the text's own."""
        given = [one.text for one in self.writer.given]
        said = {word for text in given for word in meaning(text)}
        focus = meaning(self.settings.focus or "")
        found = ranked([one.digest for one in group], said, focus)
        if self._has_sentences:
            found = [pair for pair in found if pair[1].whole]
        if not found:
            return []
        # A sentence that is longer than this part should be must be much better than one that is not.
        candidates = sorted(found, key=lambda pair: -pair[1].score * (1.0 if size_of(pair[1]) <= OVER * words else 0.5))
        told: list[tuple[int, Sentence]] = []
        length = 0
        if self.taker.asks:
            sentences = yield from self._draft([noted.note.text for noted in group], candidates, round(words), given)
            for sentence in sentences:
                if not told or length + len(sentence.split()) <= OVER * words:
                    number, source = max(candidates, key=lambda pair: pair[1].support(sentence))
                    told.append((number, Sentence(sentence, source.passage, own=False)))
                    length += len(sentence.split())
        for number, one in candidates:
            size = size_of(one)
            if told and (length + size > OVER * words or one.score < FILLER * candidates[0][1].score):
                continue
            if not says_again(one.text, [*given, *(sentence.text for _, sentence in told)]):
                told.append((number, Sentence(one.text, one.passage, own=True)))
                length += size
            if length >= words:
                break
        return [sentence for _, sentence in sorted(told, key=lambda pair: (pair[0], pair[1].order))]

    def _draft(
        self, notes: Sequence[str], candidates: Sequence[tuple[int, Candidate]], words: int, given: Sequence[str]
    ) -> Generator[Event, None, list[str]]:
        """Return what the model makes of these notes and can be kept; where they do not fit at once, in rounds."""
        request = PART.format(
            notes="\n".join(f"- {note}" for note in notes), words=words, language=in_language(self.settings)
        )
        if not self.session.fits(request):
            if len(notes) == 1:
                return []
            halves = notes[: len(notes) // 2], notes[len(notes) // 2 :]
            drafts = []
            for half in halves:
                drafts.append((yield from self._draft(half, candidates, words // 2, given)))
            return [sentence for draft in drafts for sentence in draft]
        answer = yield from quietly(self.session, request, self._limit(words))
        grounds = Grounds.of([*notes, *(one.text for _, one in candidates)])
        kept, withheld = self._keep(answer.text, request, grounds, given)
        self.withheld += withheld
        return kept

    def _own_words(self, noted: Sequence[Noted]) -> Generator[Event, None, bool]:
        """Write what `--prompt` asks for, as far as its names are in the documents; return whether anything is left."""
        notes = [one.note.text for one in noted]
        language = in_language(self.settings)
        shown = notes
        while shown and not self.session.fits(request := self._request(shown, language)):
            shown = shown[::2]  # every second one: the whole document stays in sight
        if not shown:
            request = f"{self.settings.prompt}{language}"
        if len(shown) < len(notes):
            yield self.session.warn(f"the cache has room for {len(shown)} of {len(notes)} notes beside --prompt")
        answer = yield from quietly(self.session, request, self._limit(words_wanted(self.settings)))
        told, withheld = self._keep(answer.text, request, None)
        self.withheld += withheld
        if not told:
            yield self.session.warn(
                "nothing of what the model wrote for --prompt could be kept: here is a summary instead"
            )
            return False
        yield Text(self.writer.add([Sentence(sentence, None, own=False) for sentence in told], []))
        return True

    def _request(self, notes: Sequence[str], language: str) -> str:
        listed = "\n".join(f"- {note}" for note in notes)
        return OWN.format(notes=listed, prompt=self.settings.prompt, language=language)

    def _keep(
        self, text: str, request: str, grounds: Grounds | None, given: Sequence[str] = ()
    ) -> tuple[list[str], int]:
        language = self.settings.language or ""
        return keep(text, request, grounds, self._vocabulary, self.session.rule, language, given)

    def _limit(self, words: int) -> int:
        return min(words * TOKENS_PER_WORD + 20, self.settings.max_tokens or words * TOKENS_PER_WORD + 20)

    def account(self) -> str:
        """Return whose words the summary and the notes are, in one line."""
        given, notes = self.writer.given, self.taker.notes
        own = sum(one.own for one in given)
        quoted = sum(note.quoted for note in notes)
        withheld = self.withheld + self.taker.withheld
        return (
            f"summary: {own} of {len(given)} sentences are the document's own; notes: {quoted} of {len(notes)}; "
            f"withheld as not said in the text, said twice or chat: {withheld} sentences of the model"
        )

    def figures(self) -> dict[str, Any]:
        """Return what the report has beside the usual."""
        given = self.writer.given
        return {
            "notes": [note.as_json() for note in self.taker.notes],
            "sentences": len(given),
            "quoted": sum(one.own for one in given),
            "withheld": self.withheld + self.taker.withheld,
            "not_found": not given and self.settings.focus is not None,
            "unverified": invented_names(" ".join(one.text for one in given), self._vocabulary),
        }


def words_wanted(settings: Settings) -> int:
    """Return how many words the summary should have."""
    return WORDS[settings.length] if isinstance(settings.length, str) else settings.length


def size_of(candidate: Candidate) -> int:
    """Return the length of a sentence, in words as they are counted for `--length`."""
    return len(candidate.text.split())


def grouped(noted: Sequence[Noted], parts: int) -> list[list[Noted]]:
    """Return the notes in at most `parts` runs of about equal length of text, each with at least one note."""
    parts = min(parts, len(noted))
    total = sum(one.stretch.section.words for one in noted)
    groups: list[list[Noted]] = [[]]
    done = 0
    for number, one in enumerate(noted):
        words = one.stretch.section.words
        left = len(noted) - number
        full = (done + words / 2) * parts >= len(groups) * total
        if groups[-1] and len(groups) < parts and (full or left == parts - len(groups)):
            groups.append([])
        groups[-1].append(one)
        done += words
    return [group for group in groups if group]
