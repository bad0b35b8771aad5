"""A document as a state knows it: what a report says of it, without its text."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from freqkv_cli.documents.page import Page
from freqkv_cli.errors import StateError

Count = Annotated[int, Field(ge=0, lt=2**53)]


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document as a state knows it: all that a report and a citation say of it, but no text. See `Document`."""

    name: str
    kind: str
    sha256: str
    byte_count: Count
    page_count: Count | None
    has_pages: bool
    encoding: str | None
    empty_pages: list[int]
    bad_pages: dict[int, str]
    warnings: list[str]
    tokens: Count
    left_out: dict[str, int] = field(default_factory=dict)
    excerpt: str | None = None

    def progress(self) -> float:
        """All of it has been read."""
        return 1.0

    def pages(self) -> Iterator[Page]:
        """Raise StateError: a state holds passages, not pages."""
        raise StateError(f"the text of {self.name} is needed again, and a state does not hold it: name the document")
