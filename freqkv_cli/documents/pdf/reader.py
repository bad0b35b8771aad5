"""PDF: pages in the order of the document, read one at a time; PDFium gives the words, pypdf all else."""

import logging
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from freqkv_cli.documents.coverage import EMPTY_SHARE, OCR_HINT, check_coverage, record_bad
from freqkv_cli.documents.page import Page
from freqkv_cli.documents.page_range import PageRange
from freqkv_cli.documents.pdf.ligatures import Ligatures
from freqkv_cli.documents.pdf.ocr import Recogniser
from freqkv_cli.documents.pdf.page_lines import UNKNOWN_SHARE, PageLines, carry_word, read_lines
from freqkv_cli.documents.pdf.running_lines import NEIGHBOURS, Edges, edges_of, running
from freqkv_cli.documents.pdf.structure import (
    is_mostly_letters,
    metadata_of,
    open_pdf,
    outline_titles,
    page_labels,
    page_text,
)
from freqkv_cli.documents.reader import AskPassword, Findings, reason
from freqkv_cli.documents.source import Source
from freqkv_cli.errors import InputError, NoTextError
from freqkv_cli.location import Location

if TYPE_CHECKING:
    import pypdf
    import pypdfium2

TAIL_BYTES = 2048  # where a whole PDF has its end mark
LEADING_EMPTY = 20  # pages without text at the start after which the rest is sampled
SAMPLE_PAGES = 20
CACHE_PAGES = 50  # pypdf keeps every object it has read; after so many pages they are let go
RUNNING = "header and footer lines"
NO_CHARACTERS = "its fonts do not say what characters they draw: try --ocr"
NAMELESS = "characters without a Unicode value"


class PdfReader:
    """A PDF; with a `recogniser` the text of scanned pages is read off their pictures."""

    encoding: str | None = None

    def __init__(
        self,
        source: Source,
        selection: PageRange | None = None,
        password: AskPassword | None = None,
        recogniser: Recogniser | None = None,
    ) -> None:
        self.source = source
        self.warnings: list[str] = []
        self._password: str | None = None
        self._recogniser = recogniser
        self._done = 0
        with source.opened() as stream:
            stream.seek(max(0, source.byte_count - TAIL_BYTES))
            if b"%%EOF" not in stream.read():
                self.warnings.append(f"{source.label} has no end mark: it may be cut off, and pages at its end missing")
            with self._explained():
                pdf = open_pdf(stream)
                if pdf.is_encrypted and not pdf.decrypt(""):
                    self._password = self._unlock(pdf, password)
                count = len(pdf.pages)
                self.metadata = metadata_of(pdf)
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
                pdf = open_pdf(stream, self._password)
                titles, labels = outline_titles(pdf), page_labels(pdf)
            path: str | None = None
            with self._drawn(stream, len(pdf.pages)) as drawn:
                findings.leave_out("attachments", drawn.count_attachments() if drawn else 0)
                texts = self._texts(
                    self._without_running_lines(self._extracted(pdf, drawn, findings), findings), findings
                )
                for number, text in texts:
                    self._done = self._numbers.index(number, max(0, self._done - 1)) + 1
                    title = titles.get(number)
                    path = title.path if title else path
                    place = Location(page=number, page_label=labels.get(number), heading=path)
                    yield Page(text, number, None, title.text if title else None, place)
        self._done = len(self._numbers)
        check_coverage(findings, label, len(self._numbers))

    def progress(self) -> float:
        """Return the share of the selected pages given so far, 0 to 1."""
        return self._done / len(self._numbers)

    def _extracted(
        self, pdf: "pypdf.PdfReader", drawn: "pypdfium2.PdfDocument | None", findings: Findings
    ) -> Iterator[PageLines]:
        """Yield the pages with text; the others go into `findings`."""
        kept = set(pdf.resolved_objects)
        for index, number in enumerate(self._numbers, 1):
            page = self._extract(pdf, drawn, number)
            if index % CACHE_PAGES == 0:
                for key in pdf.resolved_objects.keys() - kept:
                    del pdf.resolved_objects[key]
            if page.problem:
                self.source.check_unchanged()
                record_bad(findings, self.source.label, number, page.problem)
            elif page.is_empty:
                findings.empty_pages.append(number)
                if page.is_picture:
                    findings.scanned_pages.append(number)
                if len(findings.empty_pages) == index == LEADING_EMPTY and not self._recogniser:
                    self._refuse_scan(pdf)
            else:
                for kind, count in page.left_out.items():
                    findings.leave_out(kind, count)
                yield page

    def _extract(self, pdf: "pypdf.PdfReader", drawn: "pypdfium2.PdfDocument | None", number: int) -> PageLines:
        """Return one page: as PDFium draws it, else as pypdf reads it, else as it is recognised."""
        page = PageLines(number)
        try:
            if drawn is not None:
                try:
                    page = read_lines(drawn, number)
                except Exception:  # then pypdf says what is wrong with it
                    page = PageLines(number)
            if page.unknown_share > UNKNOWN_SHARE:
                text = page_text(pdf, number)  # which knows the names of more glyphs
                problem = None if is_mostly_letters(text) else ValueError(NO_CHARACTERS)
                page = PageLines(number, text="" if problem else text, problem=problem)
            elif page.is_empty:
                page.text = page_text(pdf, number)
            if self._recogniser and drawn is not None and (page.problem or (page.is_empty and page.is_picture)):
                page = PageLines(number, text=self._recogniser.text_of(drawn[number - 1]), is_picture=True)
        except MemoryError:
            raise
        except InputError:
            raise
        except Exception as error:  # a broken page raises whatever the parser stumbles over
            page = PageLines(number, problem=error)
        return page

    def _without_running_lines(self, pages: Iterator[PageLines], findings: Findings) -> Iterator[PageLines]:
        """Yield the pages, some behind those that are read, without lines that repeat; the first keeps them."""
        waiting: deque[PageLines] = deque()
        edges: dict[int, Edges] = {}
        first = True

        def finished() -> PageLines:
            nonlocal first
            page = waiting.popleft()
            above, below = running(page.number, edges)
            page.lines = page.lines[len(above) : len(page.lines) - len(below)]
            if first:
                page.kept = [line.text for line in (*above, *below[::-1]) if line.text]
            findings.leave_out(RUNNING, len(above) + len(below) - len(page.kept))
            first = False
            if len(edges) > 2 * NEIGHBOURS:
                del edges[min(edges)]
            return page

        for page in pages:
            edges[page.number] = edges_of(page.lines, page.number)
            waiting.append(page)
            if len(waiting) > NEIGHBOURS:
                yield finished()
        while waiting:
            yield finished()

    def _texts(self, pages: Iterator[PageLines], findings: Findings) -> Iterator[tuple[int, str]]:
        """Yield number and text of the pages, words that the end of a page cuts made whole."""
        ligatures = Ligatures()
        held: tuple[int, str] | None = None
        for page in pages:
            text = page.plain_text()
            ligatures.learn(text)
            text = ligatures.restore(text)
            if not text:
                findings.empty_pages.append(page.number)
                if page.is_picture:  # with no more than a header
                    findings.scanned_pages.append(page.number)
                continue
            if held is not None:
                if page.number == held[0] + 1:
                    before, text = carry_word(held[1], text)
                    held = (held[0], before)
                yield held
            held = (page.number, text)
        if held is not None:
            yield held
        findings.leave_out(NAMELESS, ligatures.unknown)

    @contextmanager
    def _drawn(self, stream: IO[bytes], page_count: int) -> Iterator["pypdfium2.PdfDocument | None"]:
        """Give the PDF as PDFium opens it; None where it cannot, or sees other pages than pypdf."""
        import pypdfium2

        logging.getLogger("pypdfium2").setLevel(logging.CRITICAL + 1)  # its log would go to stderr
        try:
            # A stream of its own, as both libraries move about in it.
            pdf = pypdfium2.PdfDocument(self.source.path or stream.read(), password=self._password)
        except pypdfium2.PdfiumError:
            yield None
            return
        try:
            pdf.init_forms()  # so that what is filled in is known; nothing in a form is run
            yield pdf if len(pdf) == page_count else None
        finally:
            pdf.close()

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
