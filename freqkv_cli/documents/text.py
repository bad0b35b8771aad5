"""Plain text, Markdown, reStructuredText and LaTeX: streamed from the source in blocks that know their line."""

import io
from collections.abc import Callable, Iterator

from freqkv_cli.documents.blocks import cut_blocks
from freqkv_cli.documents.clean import remove_controls
from freqkv_cli.documents.encoding import Encoding, decoded
from freqkv_cli.documents.markup.front_matter import front_matter
from freqkv_cli.documents.markup.headings import Headings, Style
from freqkv_cli.documents.page import Page
from freqkv_cli.documents.reader import Findings
from freqkv_cli.documents.source import BLOCK_BYTES, Source
from freqkv_cli.location import Location

HEAD_BYTES = 32 * 1024
REPLACED = "byte sequences that do not fit the encoding"


class TextReader:
    """A text without pages. The blocks, joined, are the cleaned text; nothing of the source is held but one block.

    `style` says how headings are written, None for a text whose headings are not looked for. `clean_line` makes a
    function from each line to what it says, and counts what it leaves out.
    """

    page_count: int | None = None

    def __init__(
        self,
        source: Source,
        encoding: Encoding,
        *,
        style: Style | None = None,
        clean_line: Callable[[Findings], Callable[[str], str]] | None = None,
    ) -> None:
        self.source = source
        self.style = style
        self.metadata = front_matter(source.head(HEAD_BYTES).decode(encoding.name, "replace"), style)
        self.encoding: str | None = encoding.name
        self.codec = encoding.name
        self.errors = encoding.errors
        self.replaced = encoding.replaced
        self.warnings = [encoding.warning] if encoding.warning else []
        self._clean_line = clean_line
        self._characters_read = self._characters_given = 0
        self._bytes_read = 0

    def pages(self, findings: Findings) -> Iterator[Page]:
        """Yield the blocks in order; raise UnicodeDecodeError if the source changes meanwhile."""
        self._characters_read = self._characters_given = self._bytes_read = 0
        headings = Headings(self.style) if self.style else None
        clean_line = self._clean_line(findings) if self._clean_line else None
        line = 1
        for number, text in enumerate(cut_blocks(self._cleaned(findings)), 1):
            self._characters_given += len(text)
            heading, places = headings.read(text) if headings else (None, [])
            if clean_line:
                text, places = cleaned_lines(text, places, clean_line)
            marks = tuple((at, Location(heading=path)) for at, path in places)
            if text.strip() or not clean_line:
                yield Page(text, number, line, heading, marks[0][1] if marks else None, marks)
            line += text.count("\n")

    def progress(self) -> float:
        """Return the share of the bytes that the blocks given so far cover, 0 to 1."""
        if not self._characters_read:
            return 0.0
        share = self._bytes_read / self.source.byte_count
        return min(1.0, share * self._characters_given / self._characters_read)

    def _cleaned(self, findings: Findings) -> Iterator[str]:
        newlines = io.IncrementalNewlineDecoder(None, translate=True)
        removed = 0
        findings.leave_out(REPLACED, self.replaced)
        for piece in decoded(self.source, self.codec, self.errors):
            self._bytes_read = min(self._bytes_read + BLOCK_BYTES, self.source.byte_count)
            text = newlines.decode(piece)
            cleaned = remove_controls(text)
            removed += len(text) - len(cleaned)
            self._characters_read += len(cleaned)
            yield cleaned
        if rest := newlines.decode("", final=True):
            self._characters_read += len(rest)
            yield rest
        if removed:
            findings.warnings.append(
                f"{self.source.label}: {removed} invisible characters (control codes, soft hyphens) were removed"
            )


def cleaned_lines(
    text: str, places: list[tuple[int, str | None]], clean_line: Callable[[str], str]
) -> tuple[str, list[tuple[int, str | None]]]:
    """Return a block line by line cleaned, and the places in it where they are now."""
    lines = text.split("\n")
    cleaned = [clean_line(line) for line in lines]
    moved = [(sum(len(line) + 1 for line in cleaned[: text.count("\n", 0, at)]), path) for at, path in places]
    return "\n".join(cleaned), moved
