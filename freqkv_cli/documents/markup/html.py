"""HTML: a page of the web, cut at its headings."""

from collections.abc import Iterator
from dataclasses import replace

from freqkv_cli.documents.blocks import cut_blocks
from freqkv_cli.documents.encoding import decoded, find_encoding, first_error
from freqkv_cli.documents.markup.declaration import declared_encoding
from freqkv_cli.documents.markup.html_lines import fragments, metadata_of
from freqkv_cli.documents.markup.sections import sections, shares
from freqkv_cli.documents.page import Page
from freqkv_cli.documents.reader import Findings
from freqkv_cli.documents.source import Source
from freqkv_cli.documents.utf import byte_order_mark
from freqkv_cli.errors import InputError
from freqkv_cli.location import Location

HEAD_BYTES = 64 * 1024
BYTE_LIMIT = 32 << 20  # the parsed tree takes about ten times the bytes of the file


class HtmlReader:
    """An HTML file, parsed as a whole; each page starts at a heading or continues a long section."""

    page_count: int | None = None

    def __init__(self, source: Source, encoding: str | None = None) -> None:
        if source.byte_count > BYTE_LIMIT:
            raise InputError(
                f"{source.label} is larger than {BYTE_LIMIT >> 20} MB, too large for HTML: convert it to text first"
            )
        self.source = source
        found = find_encoding(source, encoding or declared(source))
        self.encoding: str | None = found.name
        self.errors = found.errors
        self.warnings = [found.warning] if found.warning else []
        self._progress = 0.0
        self.metadata = metadata_of(source.head(HEAD_BYTES).decode(found.name, "replace"))

    def pages(self, findings: Findings) -> Iterator[Page]:
        """Yield the sections in order; raise InputError for markup that cannot be parsed."""
        self._progress = 0.0
        markup = "".join(decoded(self.source, self.encoding or "utf-8", self.errors))
        try:
            parts = list(fragments(markup, findings=findings))
        except ValueError as error:
            raise InputError(f"{self.source.label} cannot be read as HTML: {error}; convert it to text first") from None
        number = 0
        for part, share in shares(sections(parts, self.metadata.title)):
            self._progress = share
            for block in cut_blocks([part.text]):
                if text := block.strip("\n"):
                    number += 1
                    yield Page(text, number, None, part.heading, replace(part.location or Location(), part=number))

    def progress(self) -> float:
        """Return the share of the text given so far, 0 to 1."""
        return self._progress


def declared(source: Source) -> str | None:
    """Return the encoding that the page declares and keeps to, None where it has a byte order mark or is wrong."""
    head = source.head(4096)
    name = None if byte_order_mark(head) else declared_encoding(head)
    return name if name and first_error(source, name) is None else None
