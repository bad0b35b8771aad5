"""States of freqkv among documents: known by their content, and read elsewhere."""

from collections.abc import Iterator
from pathlib import PurePath
from typing import Literal

from freqkv_cli.documents.metadata import Metadata
from freqkv_cli.documents.page import Page
from freqkv_cli.documents.reader import Findings
from freqkv_cli.documents.source import Source
from freqkv_cli.errors import StateError

STATE_KIND: Literal["state"] = "state"
SUFFIX = ".freqkv"
# As kvcache/header.py has it: behind eight bytes of length comes the one entry of metadata.
MAGIC, MAGIC_OFFSET = b'{"__metadata__":{"freqkv":"', 8


def is_state(source: Source) -> bool:
    """Whether a source is a state, or was one before it was damaged."""
    return source.head(MAGIC_OFFSET + len(MAGIC))[MAGIC_OFFSET:] == MAGIC or PurePath(source.name).suffix == SUFFIX


class StateReader:
    """A state, whose pages are not there any more."""

    metadata = Metadata()
    encoding: str | None = None
    page_count: int | None = None

    def __init__(self, source: Source) -> None:
        self.source = source
        self.warnings: list[str] = []

    def pages(self, findings: Findings) -> Iterator[Page]:
        """Raise StateError: a state holds passages, not pages."""
        raise StateError(f"the text itself is needed, and {self.source.label} is a state: name the document")

    def progress(self) -> float:
        """All of it has been read."""
        return 1.0
