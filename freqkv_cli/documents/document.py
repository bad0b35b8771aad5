"""Documents: one source, whatever its kind, as pages of clean text with their place."""

from collections.abc import Iterator, Sequence
from typing import Literal

from freqkv_cli.documents.coverage import left_out
from freqkv_cli.documents.encoding import find_encoding
from freqkv_cli.documents.kind import Kind, identify, parse_kind
from freqkv_cli.documents.page import Page
from freqkv_cli.documents.page_range import PageRange
from freqkv_cli.documents.reader import AskPassword, Findings, Reader, reason
from freqkv_cli.documents.source import Source, open_source
from freqkv_cli.documents.state import STATE_KIND, StateReader, is_state
from freqkv_cli.documents.text import TextReader
from freqkv_cli.errors import InputError, NoTextError, UsageError

EXTRACTION = 2  # raise it when the text that is made of a document changes


class Document:
    """One input, checked and ready to be read; a context manager that deletes at its end what it kept of a stream.

    `kind` says what it is ("pdf", "docx", "csv" ...), `metadata` what it says of itself. `empty_pages`, `bad_pages`
    (with the reason), `left_out` and `warnings` fill while `pages` runs and start anew when it does.
    """

    def __init__(self, source: Source, kind: Kind | Literal["state"], reader: Reader, *, ocr: bool = False) -> None:
        self.name = source.name
        self.path = source.path
        self.kind = kind
        self.sha256 = source.sha256
        self.byte_count = source.byte_count
        self.encoding = reader.encoding
        self.page_count = reader.page_count
        self.has_pages = kind == "pdf"
        self.metadata = reader.metadata
        self.extraction = f"{EXTRACTION}{'+ocr' * ocr}"  # documents of one hash and one extraction have one text
        self._source = source
        self._reader = reader
        self._findings = Findings(warnings=list(reader.warnings))

    @property
    def empty_pages(self) -> list[int]:
        """Pages without text, which `pages` leaves out."""
        return self._findings.empty_pages

    @property
    def bad_pages(self) -> dict[int, str]:
        """Pages that cannot be read, which `pages` leaves out, and why."""
        return self._findings.bad_pages

    @property
    def left_out(self) -> dict[str, int]:
        """How much of what kind is not in the text: unreadable pages, headers and footers, navigation ..."""
        return left_out(self._findings, "part" if self.kind == "epub" else "page")

    @property
    def warnings(self) -> list[str]:
        """What the user must know, one line each."""
        return self._findings.warnings

    def pages(self) -> Iterator[Page]:
        """Yield the pages that have text, one in memory at a time; may be called again.

        Raises NoTextError if there is no text or nearly none, InputError if the source is deleted or changes meanwhile.
        """
        self._findings = Findings(warnings=list(self._reader.warnings))
        given = 0
        pages = self._reader.pages(self._findings)
        while True:
            try:
                page = next(pages, None)
            except UnicodeDecodeError:
                raise InputError(f"{self._source.label} changed while it was being read: run it again") from None
            except OSError as error:
                raise InputError(
                    f"{self._source.label} cannot be read to its end ({reason(error)}): check its disk"
                ) from None
            self._source.check_unchanged()
            if page is None:
                break
            given += 1
            yield page
        if not given:
            raise NoTextError(f"{self._source.label} holds no text that can be read: name another file")

    def progress(self) -> float:
        """Return the share of the source that the pages given so far cover, 0 to 1."""
        return self._reader.progress()

    def close(self) -> None:
        """Delete what was kept of a stream; the document cannot be read again then."""
        self._source.close()

    def __enter__(self) -> "Document":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def open_document(
    source: str,
    *,
    pages: str | None = None,
    encoding: str | None = None,
    kind: str | None = None,
    password: AskPassword | None = None,
    ocr: bool = False,
) -> Document:
    """Return the document that the user named ("-" is stdin), identified by its content and checked as far as is cheap.

    Opening hashes the source, and decodes a text once to be sure of its encoding. `password` is called with the name of
    an encrypted PDF; with `ocr` scanned pages of a PDF are recognised. Raises UsageError for a request that cannot be,
    InputError for what cannot be read, NoTextError for what is empty.
    """
    selection = PageRange.parse(pages) if pages is not None else None
    forced = parse_kind(kind) if kind is not None else None
    opened = open_source(source)
    try:
        if is_state(opened):
            return Document(opened, STATE_KIND, StateReader(opened))
        found = forced or identify(opened, encoding)
        return Document(opened, found, open_reader(opened, found, selection, encoding, password, ocr), ocr=ocr)
    except BaseException:
        opened.close()
        raise


def open_documents(
    sources: Sequence[str],
    *,
    pages: str | None = None,
    encoding: str | None = None,
    kind: str | None = None,
    password: AskPassword | None = None,
    ocr: bool = False,
) -> list[Document]:
    """Return all documents, so that a bad one is met before the work begins; see `open_document`."""
    if list(sources).count("-") > 1:
        raise UsageError("stdin can be read only once: name - once")
    documents: list[Document] = []
    try:
        for source in sources:
            documents.append(
                open_document(source, pages=pages, encoding=encoding, kind=kind, password=password, ocr=ocr)
            )
    except BaseException:
        for document in documents:
            document.close()
        raise
    return documents


def open_reader(
    source: Source,
    kind: Kind,
    selection: PageRange | None,
    encoding: str | None,
    password: AskPassword | None,
    ocr: bool = False,
) -> Reader:
    """Return the reader for a kind; raise UsageError for a page range of a document that has no pages."""
    if kind == "pdf":
        from freqkv_cli.documents.pdf.ocr import Recogniser
        from freqkv_cli.documents.pdf.reader import PdfReader

        return PdfReader(source, selection, password, Recogniser() if ocr else None)
    if kind == "epub":
        from freqkv_cli.documents.epub import EpubReader

        return EpubReader(source, selection)
    if selection is not None and kind not in ("pdf", "epub"):
        raise UsageError(f"{source.label} has no pages: a page range works with PDF and EPUB only")
    if kind == "html":
        from freqkv_cli.documents.html import HtmlReader

        return HtmlReader(source, encoding)
    if (opened := open_office(source, kind)) is not None:
        return opened
    found = find_encoding(source, encoding)
    if kind == "csv":
        from freqkv_cli.documents.csv_table import CsvReader

        return CsvReader(source, found)
    if kind in ("json", "jsonl"):
        from freqkv_cli.documents.json_records import open_json, open_jsonl

        return open_json(source, found) if kind == "json" else open_jsonl(source, found)
    if kind == "subtitles":
        from freqkv_cli.documents.subtitles import open_subtitles

        return open_subtitles(source, found)
    if kind == "log":
        from freqkv_cli.documents.log import LogReader

        return LogReader(source, found)
    if kind == "latex":
        from freqkv_cli.documents.latex import line_cleaner

        return TextReader(source, found, style="latex", clean_line=line_cleaner)
    return TextReader(source, found, style=kind if kind in ("markdown", "rst") else None)


def open_office(source: Source, kind: Kind) -> Reader | None:
    """Return the reader for an office document, a message or an e-book in XML, None for any other kind."""
    if kind == "docx":
        from freqkv_cli.documents.word import open_docx

        return open_docx(source)
    if kind in ("odt", "odp"):
        from freqkv_cli.documents.open_document import open_odf

        return open_odf(source, slides=kind == "odp")
    if kind == "pptx":
        from freqkv_cli.documents.slides import open_pptx

        return open_pptx(source)
    if kind in ("xlsx", "xls", "ods"):
        from freqkv_cli.documents.sheets import open_sheets

        return open_sheets(source, kind)
    if kind == "rtf":
        from freqkv_cli.documents.rtf import open_rtf

        return open_rtf(source)
    if kind in ("eml", "mbox"):
        from freqkv_cli.documents.mail import open_mail

        return open_mail(source, many=kind == "mbox")
    if kind == "fb2":
        from freqkv_cli.documents.fb2 import open_fb2

        return open_fb2(source)
    return None
