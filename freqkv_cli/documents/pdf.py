"""PDF: pages in the order of the document, read one at a time by pypdf."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

from freqkv_cli.documents.clean import clean, join_hyphenated, single_line
from freqkv_cli.documents.coverage import EMPTY_SHARE, OCR_HINT, check_coverage, record_bad
from freqkv_cli.documents.page import Page
from freqkv_cli.documents.page_range import PageRange
from freqkv_cli.documents.pdf_fonts import set_space_widths
from freqkv_cli.documents.reader import AskPassword, Findings, reason
from freqkv_cli.documents.source import Source
from freqkv_cli.errors import InputError, NoTextError

if TYPE_CHECKING:
    import pypdf

TAIL_BYTES = 2048  # where a whole PDF has its end mark
LEADING_EMPTY = 20  # pages without text at the start after which the rest is sampled
SAMPLE_PAGES = 20
CACHE_PAGES = 50  # pypdf keeps every object it has read; after so many pages they are let go


class PdfReader:
    """A PDF. The limits of pypdf against hostile files (size of streams, operations of a page) stay as they are."""

    encoding: str | None = None

    def __init__(self, source: Source, selection: PageRange | None = None, password: AskPassword | None = None) -> None:
        self.source = source
        self.warnings: list[str] = []
        self._password: str | None = None
        self._done = 0
        with source.opened() as stream:
            stream.seek(max(0, source.byte_count - TAIL_BYTES))
            if b"%%EOF" not in stream.read():
                self.warnings.append(f"{source.label} has no end mark: it may be cut off, and pages at its end missing")
            with self._explained():
                pdf = self._open(stream)
                if pdf.is_encrypted and not pdf.decrypt(""):
                    self._password = self._unlock(pdf, password)
                count = len(pdf.pages)
        if count == 0:
            raise InputError(f"{source.label} is a PDF without pages: get it again")
        self._numbers = selection.numbers(count, source.label) if selection else list(range(1, count + 1))

    @property
    def page_count(self) -> int | None:
        """The number of selected pages."""
        return len(self._numbers)

    def pages(self, findings: Findings) -> Iterator[Page]:
        """Yield the pages that have text.

        Raises NoTextError if more than nine of ten pages have none: at the end, or after the first twenty if none of
        these has any and no more than one of ten in a sample of the others. Raises InputError if no page can be read.
        """
        self._done = 0
        label = self.source.label
        with self.source.opened() as stream:
            with self._explained():
                pdf = self._open(stream, self._password)
                titles = outline_titles(pdf)
                kept = set(pdf.resolved_objects)
            for number in self._numbers:
                self._done += 1
                try:
                    text = page_text(pdf, number)
                except MemoryError:
                    raise
                except Exception as error:  # a broken page raises whatever the parser stumbles over
                    self.source.check_unchanged()
                    record_bad(findings, label, number, error)
                    continue
                finally:
                    if self._done % CACHE_PAGES == 0:
                        for key in pdf.resolved_objects.keys() - kept:
                            del pdf.resolved_objects[key]
                if text:
                    yield Page(text, number, None, titles.get(number))
                    continue
                findings.empty_pages.append(number)
                if len(findings.empty_pages) == self._done == LEADING_EMPTY:
                    self._refuse_scan(pdf)
        check_coverage(findings, label, len(self._numbers))

    def progress(self) -> float:
        """Return the share of the selected pages read so far, 0 to 1."""
        return self._done / len(self._numbers)

    def _open(self, stream: IO[bytes], password: str | None = None) -> "pypdf.PdfReader":
        import pypdf

        # What pypdf logs about damage that it can repair would go to stderr, between the lines of the progress.
        logging.getLogger("pypdf").setLevel(logging.CRITICAL + 1)
        return pypdf.PdfReader(stream, strict=False, password=password)

    def _unlock(self, pdf: "pypdf.PdfReader", password: AskPassword | None) -> str:
        given = password(self.source.name) if password else None
        if not given:
            raise InputError(
                f"{self.source.label} is encrypted: give its password at the prompt or with --password-file"
            )
        if not pdf.decrypt(given):
            raise InputError(f"{self.source.label} is encrypted and the password is wrong: check it and run again")
        return given

    def _refuse_scan(self, pdf: "pypdf.PdfReader") -> None:
        rest = self._numbers[LEADING_EMPTY:]
        sample = rest[:: max(1, len(rest) // SAMPLE_PAGES)][:SAMPLE_PAGES]
        empty = 0
        for number in sample:
            try:
                empty += not page_text(pdf, number)
            except Exception:  # counted when its turn comes
                continue
        if empty > EMPTY_SHARE * len(sample):
            raise NoTextError(
                f"{self.source.label}: the first {LEADING_EMPTY} pages have no text, "
                f"nor have {empty} of {len(sample)} others: {OCR_HINT}"
            )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn whatever pypdf raises on a file that it cannot open into one line."""
        try:
            yield
        except (InputError, MemoryError):
            raise
        except Exception as error:
            self.source.check_unchanged()
            raise InputError(
                f"{self.source.label} is a broken PDF ({reason(error)}): get it again, or repair it with qpdf"
            ) from None


def page_text(pdf: "pypdf.PdfReader", number: int) -> str:
    """Return the cleaned text of a page, empty for a page without any."""
    page = pdf.pages[number - 1]
    set_space_widths(page)
    return clean(join_hyphenated(page.extract_text())).strip()


def outline_titles(pdf: "pypdf.PdfReader") -> dict[int, str]:
    """Return the first title of the outline that points to each page; no titles for an outline that cannot be read."""
    titles: dict[int, str] = {}
    try:
        pending: list[Any] = [pdf.outline]
        while pending:
            entry = pending.pop()
            if isinstance(entry, list):
                pending.extend(reversed(entry))
                continue
            index = pdf.get_destination_page_number(entry)
            title = single_line(str(entry.title or ""))
            if index is not None and index >= 0 and title:
                titles.setdefault(index + 1, title)
    except MemoryError:
        raise
    except Exception:
        return titles
    return titles
