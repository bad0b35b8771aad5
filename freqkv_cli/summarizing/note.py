"""Notes: what a section of a document says, in a sentence or two, with its place."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class SectionNote:
    """A note on one section. Pages and lines are those of the section, `where` is the place of what was read again.

    `document` is a name. `start` and `end` are shares of the document, 0 to 1. `quoted`: the text is the document's
    own; else the model wrote it.
    """

    title: str | None
    document: str
    place: str
    text: str
    quoted: bool
    where: str
    first_page: int
    last_page: int
    first_line: int | None
    last_line: int | None
    start: float
    end: float

    @property
    def label(self) -> str:
        """Where the note belongs, in words: "Chapter 4, lines 622-744"."""
        return f"{self.title}, {self.place}" if self.title else self.place

    def as_json(self) -> dict[str, Any]:
        """Return the note as an object of the report."""
        return asdict(self)
