"""HTML: a page of the web, cut at its headings."""

from collections.abc import Iterable, Iterator

from freqkv_cli.documents.blocks import cut_blocks
from freqkv_cli.documents.declaration import declared_encoding
from freqkv_cli.documents.encoding import decoded, find_encoding, first_error
from freqkv_cli.documents.markup import Fragment, fragments, title_of
from freqkv_cli.documents.metadata import Metadata
from freqkv_cli.documents.page import Page
from freqkv_cli.documents.reader import Findings
from freqkv_cli.documents.source import Source
from freqkv_cli.documents.wide import byte_order_mark
from freqkv_cli.errors import InputError

BYTE_LIMIT = 32 << 20  # the parsed tree takes about ten times the bytes of the file


class HtmlReader:
    """An HTML file, parsed as a whole; each page starts at a heading or continues a long section."""

    metadata = Metadata()
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

    def pages(self, findings: Findings) -> Iterator[Page]:
        """Yield the sections in order; raise InputError for markup that cannot be parsed."""
        self._progress = 0.0
        markup = "".join(decoded(self.source, self.encoding or "utf-8", self.errors))
        try:
            parts = list(fragments(markup))
        except ValueError as error:
            raise InputError(f"{self.source.label} cannot be read as HTML: {error}; convert it to text first") from None
        title = title_of(markup)
        total = sum(len(part.text) for part in parts)
        given = 0
        for number, (text, heading) in enumerate(sections(parts), 1):
            given += len(text)
            self._progress = given / total
            yield Page(text.strip("\n"), number, None, heading or title)

    def progress(self) -> float:
        """Return the share of the text given so far, 0 to 1."""
        return self._progress


def declared(source: Source) -> str | None:
    """Return the encoding that the page declares and keeps to, None where it has a byte order mark or is wrong."""
    head = source.head(4096)
    name = None if byte_order_mark(head) else declared_encoding(head)
    return name if name and first_error(source, name) is None else None


def sections(parts: Iterable[Fragment]) -> Iterator[tuple[str, str | None]]:
    """Yield text and heading of each section; a long one comes in blocks under the same heading."""
    texts: list[str] = []
    heading: str | None = None
    has_body = False
    for part in parts:
        if part.heading is not None and has_body:
            yield from ((block, heading) for block in cut_blocks(["".join(texts)]))
            texts, has_body = [], False
        if part.heading is not None and not has_body and not texts:
            heading = part.heading
        has_body = has_body or part.heading is None
        texts.append(part.text)
    yield from ((block, heading) for block in cut_blocks(["".join(texts)]))
