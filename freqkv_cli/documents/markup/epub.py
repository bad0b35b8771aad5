"""EPUB: a book of XHTML files in a zip, read one file at a time; each file of the spine is a page."""

from collections.abc import Iterator
from itertools import accumulate

from freqkv_cli.documents.archive import Archive
from freqkv_cli.documents.coverage import check_coverage, record_bad
from freqkv_cli.documents.markup.declaration import decode_markup
from freqkv_cli.documents.markup.epub_package import SpineItem, read_package
from freqkv_cli.documents.markup.html_lines import fragments
from freqkv_cli.documents.page import Page
from freqkv_cli.documents.page_range import PageRange
from freqkv_cli.documents.reader import Findings
from freqkv_cli.documents.source import Source
from freqkv_cli.location import Location

UNIT = "part"


class EpubReader:
    """A book; the numbers of its pages are places in the spine."""

    encoding: str | None = None

    def __init__(self, source: Source, selection: PageRange | None = None) -> None:
        self.source = source
        self.warnings: list[str] = []
        with source.opened() as stream:
            self._spine, self.metadata = read_package(Archive(stream, source.label))
        count = len(self._spine)
        self._numbers = selection.numbers(count, source.label) if selection else list(range(1, count + 1))
        self._done = 0

    @property
    def page_count(self) -> int | None:
        """The number of selected spine items."""
        return len(self._numbers)

    def pages(self, findings: Findings) -> Iterator[Page]:
        """Yield the spine items that have text; raise InputError for a zip bomb, NoTextError for a book of pictures."""
        self._done = 0
        label = self.source.label
        with self.source.opened() as stream:
            archive = Archive(stream, label)
            for number in self._numbers:
                item = self._spine[number - 1]
                self._done += 1
                try:
                    text, heading, marks, exact = read_item(archive, item, number, findings)
                except ValueError as error:
                    record_bad(findings, label, number, error, UNIT)
                    continue
                if not exact:
                    findings.warnings.append(
                        f"{label}: some bytes of {UNIT} {number} are not UTF-8 and were replaced by U+FFFD"
                    )
                if text:
                    yield Page(text, number, None, heading, Location(part=number, heading=heading), marks)
                else:
                    findings.empty_pages.append(number)
        check_coverage(findings, label, len(self._numbers), UNIT)

    def progress(self) -> float:
        """Return the share of the spine items read so far, 0 to 1."""
        return self._done / len(self._numbers)


def read_item(
    archive: Archive, item: SpineItem, number: int, findings: Findings
) -> tuple[str, str | None, tuple[tuple[int, Location], ...], bool]:
    """Return text and heading of a spine item, the places of all its headings, and whether all bytes were decoded."""
    if item.problem:
        raise ValueError(item.problem)
    markup, exact = decode_markup(archive.read(item.path))
    parts = list(fragments(markup, xhtml=True, findings=findings))
    heading = item.title or next((part.heading for part in parts if part.heading), None)
    starts = accumulate((len(part.text) for part in parts), initial=0)
    path = [(0, item.title)] if item.title else []
    marks = [(0, Location(part=number, heading=heading))]
    for start, part in zip(starts, parts, strict=False):
        if part.heading and part.heading != item.title:
            path = [one for one in path if one[0] < part.level] + [(part.level, part.heading)]
            marks.append((start, Location(part=number, heading=" > ".join(title for _, title in path))))
    return "".join(part.text for part in parts).rstrip(), heading, tuple(marks), exact
