"""How a summary and its notes are laid out: as paragraphs, as Markdown or as a list, with places in the last two."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from freqkv_cli.retrieval.passage import Passage
from freqkv_cli.summarizing.note import SectionNote

PARAGRAPH_SENTENCES = 6
NOTES_HEADING = re.compile(r"\n+(?:## )?Notes\n\n(?=- )")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a summary and the passage it rests on, if it is one. `own`: it is the document's."""

    text: str
    passage: Passage | None
    own: bool

    @property
    def order(self) -> tuple[int, int]:
        """Where in its section the sentence rests."""
        return (self.passage.index, self.passage.first_line or 0) if self.passage else (0, 0)


@dataclass(slots=True)
class Writer:
    """Turns sentences into pieces of text, and keeps what it was given. `names` are those of the documents."""

    format: str
    names: Sequence[str]
    text: str = ""
    given: list[Sentence] = field(default_factory=list)

    def add(self, sentences: Sequence[Sentence], notes: Sequence[SectionNote]) -> str:
        """Return the text of a part of the summary; `notes` are those on its sections."""
        pieces = [self._heading(notes)] if self.format == "markdown" and notes and sentences else []
        for sentence in sentences:
            if self.format == "text":
                paragraph = len(self.given) and len(self.given) % PARAGRAPH_SENTENCES == 0
                between = "" if not self.given else "\n\n" if paragraph else " "
                pieces.append(f"{between}{sentence.text}")
            else:
                place = f" [{self._place(sentence.passage)}]" if sentence.passage else ""
                pieces.append(f"- {sentence.text}{place}\n")
            self.given.append(sentence)
        return self.plain("".join(pieces))

    def plain(self, text: str) -> str:
        """Return `text` as it is, as a part of the whole."""
        self.text += text
        return text

    def _heading(self, notes: Sequence[SectionNote]) -> str:
        labels = list(dict.fromkeys(note.title or note.place for note in (notes[0], notes[-1])))
        return f"{'' if not self.text else chr(10)}## {' to '.join(labels)}\n\n"

    def _place(self, passage: Passage) -> str:
        return f"{self.names[passage.document]}, {passage.place}" if len(self.names) > 1 else passage.place


def notes_text(notes: Sequence[SectionNote], format: str, names: Sequence[str]) -> str:
    """Return the outline: each note with its section and place."""
    heading = "\n## Notes\n\n" if format == "markdown" else "\nNotes\n\n" if format == "bullets" else "\n\nNotes\n\n"
    lines = []
    for note in notes:
        document = f"{note.document}, " if len(names) > 1 else ""
        label = f"**{document}{note.label}**" if format == "markdown" else f"{document}{note.label}"
        lines.append(f"- {label}: {note.text} [{note.where}]\n")
    return heading + "".join(lines)


def without_notes(text: str) -> str:
    """Return a summary without the outline that `notes_text` may have put below it."""
    *_, end = [len(text), *(match.start() for match in NOTES_HEADING.finditer(text))]
    return text[:end]
