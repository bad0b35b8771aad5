"""Sections: the passages of a document, as they are read, gathered into stretches that are worth a note each."""

from dataclasses import dataclass, field

from freqkv_cli.retrieval.passage import Passage, count_words

WORDS = {"low": 1400, "medium": 1400, "high": 700}  # of a section; about a third more in tokens


@dataclass(slots=True)
class Section:
    """Passages that follow each other in one document."""

    passages: list[Passage] = field(default_factory=list)
    words: int = 0

    def add(self, passage: Passage) -> None:
        """Take the next passage."""
        self.passages.append(passage)
        self.words += count_words(passage.text)

    @property
    def title(self) -> str | None:
        """The heading that the section begins under."""
        return self.passages[0].heading

    @property
    def place(self) -> str:
        """Where the section stands."""
        first, last = self.passages[0].location, self.passages[-1].location
        if first.page is not None and last.page not in (None, first.page):
            return f"pp. {first.page_label or first.page}-{last.page_label or last.page}"
        return first.to(last).text


class SectionFinder:
    """Gathers passages into sections of about `words` words.

    A section ends where another heading begins, if it has half of `words` by then; else when it has them.
    """

    def __init__(self, words: int) -> None:
        self.words = words
        self._section = Section()

    def add(self, passage: Passage) -> Section | None:
        """Take a passage; return the section that ended before it."""
        held, ended = self._section, None
        if held.passages:
            last = held.passages[-1]
            apart = passage.document != last.document
            turns = passage.heading != last.heading and held.words >= self.words / 2
            if apart or turns or held.words >= self.words:
                ended, self._section = held, Section()
        self._section.add(passage)
        return ended

    def finish(self) -> Section | None:
        """Return what is left."""
        left, self._section = self._section, Section()
        return left if left.passages else None
