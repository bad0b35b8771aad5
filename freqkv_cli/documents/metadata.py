"""Metadata: what a document says of itself beside its text."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Metadata:
    """Title, author, date and language as the document states them, each one clean line; None where it does not.

    Nothing is checked: a date is in whatever form the document has it, and many titles are those of a template.
    """

    title: str | None = None
    author: str | None = None
    date: str | None = None
    language: str | None = None

    def __bool__(self) -> bool:
        return any((self.title, self.author, self.date, self.language))
