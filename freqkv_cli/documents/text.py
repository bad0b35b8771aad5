"""Plain text and Markdown: streamed from the source in blocks that know their line."""

import io
import re
from collections.abc import Iterator

from freqkv_cli.documents.blocks import cut_blocks
from freqkv_cli.documents.clean import remove_controls, single_line
from freqkv_cli.documents.encoding import Encoding, decoded
from freqkv_cli.documents.metadata import Metadata
from freqkv_cli.documents.page import Page
from freqkv_cli.documents.reader import Findings
from freqkv_cli.documents.source import BLOCK_BYTES, Source

ATX_MARK = re.compile(r" {0,3}#{1,6}[ \t]")
REPLACED = "byte sequences that do not fit the encoding"
FENCE = re.compile(r" {0,3}(```|~~~)")


class TextReader:
    """A text without pages. The blocks, joined, are the cleaned text; nothing of the source is held but one block."""

    metadata = Metadata()
    page_count: int | None = None

    def __init__(self, source: Source, encoding: Encoding, *, markdown: bool = False) -> None:
        self.source = source
        self.markdown = markdown
        self.encoding: str | None = encoding.name
        self.codec = encoding.name
        self.errors = encoding.errors
        self.replaced = encoding.replaced
        self.warnings = [encoding.warning] if encoding.warning else []
        self._characters_read = self._characters_given = 0
        self._bytes_read = 0

    def pages(self, findings: Findings) -> Iterator[Page]:
        """Yield the blocks in order; raise UnicodeDecodeError if the source changes meanwhile."""
        self._characters_read = self._characters_given = self._bytes_read = 0
        headings = Headings() if self.markdown else None
        line = 1
        for number, text in enumerate(cut_blocks(self._cleaned(findings)), 1):
            self._characters_given += len(text)
            yield Page(text, number, line, headings.of(text) if headings else None)
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


class Headings:
    """The ATX headings of a Markdown text that is given block by block."""

    def __init__(self) -> None:
        self._last: str | None = None
        self._fence: str | None = None
        self._inside_line = False

    def of(self, text: str) -> str | None:
        """Return the heading that the next block starts with, else the last one before it."""
        before, first = self._last, None
        blank_so_far = True
        for index, line in enumerate(text.split("\n")):
            whole = index > 0 or not self._inside_line
            if whole and (fence := FENCE.match(line)):
                if self._fence is None:
                    self._fence = fence[1]
                elif self._fence == fence[1]:
                    self._fence = None
            elif whole and self._fence is None and (title := atx_title(line)):
                self._last = title
                first = title if blank_so_far else first
            blank_so_far = blank_so_far and not line.strip()
        self._inside_line = bool(text) and not text.endswith("\n")
        return first or before


def atx_title(line: str) -> str | None:
    """Return the title of a line such as "## Title ##", None for any other line."""
    if (mark := ATX_MARK.match(line)) is None:
        return None
    title = single_line(line[mark.end() :])
    unmarked = title.rstrip("#")
    return (unmarked.rstrip() if unmarked.endswith(" ") or not unmarked else title) or None
