"""What every kind of document offers to `Document`: pages, how far it has come, and what it met on the way."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from freqkv_cli.documents.metadata import Metadata
from freqkv_cli.documents.page import Page

AskPassword = Callable[[str], str | None]  # from the name of a document to its password, None without one


@dataclass(slots=True)
class Findings:
    """What one reading met besides text.

    Pages without text, those of them that are pictures, pages that cannot be read (with the reason), how much of what
    kind was left out of the others ("header and footer lines": 24), and warnings.
    """

    empty_pages: list[int] = field(default_factory=list)
    scanned_pages: list[int] = field(default_factory=list)
    bad_pages: dict[int, str] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def leave_out(self, kind: str, count: int = 1) -> None:
        """Count what is left out of the text."""
        if count:
            self.left_out[kind] = self.left_out.get(kind, 0) + count


class Reader(Protocol):
    """A document of one kind; making one opens and checks it, `pages` reads it."""

    @property
    def encoding(self) -> str | None:
        """The character encoding of a text, None where the format has its own."""

    @property
    def page_count(self) -> int | None:
        """How many pages are selected for reading, None where that is not known before the reading."""

    @property
    def metadata(self) -> Metadata:
        """What the document says of itself, all None where it says nothing."""

    warnings: list[str]  # what the user must know from the opening alone

    def pages(self, findings: Findings) -> Iterator[Page]:
        """Yield the pages that have text, one at a time; the rest goes into `findings`."""

    def progress(self) -> float:
        """Return the share of the source that the pages given so far cover, 0 to 1."""


def reason(error: BaseException) -> str:
    """Return why a library failed, as part of one printable line."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return "".join(char for char in lines[0] if char.isprintable())[:120]
