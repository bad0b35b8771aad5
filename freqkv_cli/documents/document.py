"""Documents: one source, whatever its kind, as pages of clean text with their place."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from freqkv_cli.documents.collection import folder_files, is_folder, is_plain_zip, zip_members
from freqkv_cli.documents.coverage import left_out
from freqkv_cli.documents.excerpt import Excerpt
from freqkv_cli.documents.formats import open_reader
from freqkv_cli.documents.kind import Kind, identify, parse_kind
from freqkv_cli.documents.page import Page
from freqkv_cli.documents.page_range import PageRange
from freqkv_cli.documents.reader import AskPassword, Findings, Reader, reason
from freqkv_cli.documents.source import Source, open_source, printable
from freqkv_cli.documents.state_reader import STATE_KIND, StateReader, is_state
from freqkv_cli.documents.web import fetched, is_address
from freqkv_cli.errors import InputError, NoTextError, UsageError

AllowNet = Callable[[str], bool]
EXTRACTION = 3  # raise it when the text that is made of a document changes


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
        self._excerpt: Excerpt | None = None
        self._ended = False
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

    @property
    def excerpt(self) -> str | None:
        """The part that `pages` gives, in words; None for all of it."""
        return self._excerpt.words if self._excerpt else None

    def confine(self, excerpt: Excerpt) -> None:
        """Give no more than an excerpt from now on; may be called once."""
        self._excerpt = excerpt
        self.extraction += f"+{excerpt.key}"

    def pages(self) -> Iterator[Page]:
        """Yield the pages that have text, one in memory at a time; may be called again.

        Raises NoTextError if there is no text or nearly none, InputError if the source is deleted or changes meanwhile.
        """
        self._findings = Findings(warnings=list(self._reader.warnings))
        given = 0
        self._ended = False
        pages = self._reader.pages(self._findings)
        pages = self._excerpt.pages(pages) if self._excerpt else pages
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
                self._ended = True
                break
            given += 1
            yield page
        if not given:
            others = ", ".join(f"{kind} ({count})" for kind, count in self.left_out.items())
            only = f", only {others}" if others else ""
            raise NoTextError(f"{self._source.label} holds no text that can be read{only}: name another file")

    def progress(self) -> float:
        """Return the share of the source, or of the excerpt, that the pages given so far cover, 0 to 1."""
        if self._excerpt is None:
            return self._reader.progress()
        return 1.0 if self._ended else self._excerpt.progress(self._reader.progress())

    def warn(self, message: str) -> None:
        """Add what the user must know from the opening; it stays when the pages are read."""
        self._reader.warnings.append(message)
        self._findings.warnings.append(message)

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
    how = Opening.parse(pages, encoding, kind, password, ocr)
    return how.opened(open_source(source))


def open_documents(
    sources: Sequence[str],
    *,
    pages: str | None = None,
    encoding: str | None = None,
    kind: str | None = None,
    password: AskPassword | None = None,
    ocr: bool = False,
    recursive: bool = False,
    net: AllowNet | None = None,
) -> list[Document]:
    """Return all documents, so that a bad one is met before the work begins; see `open_document`.

    A zip that is no document stands for the documents in it, and so does a folder if `recursive`. What in these is no
    document is left out, which the first document of each warns of; InputError where none is. `net` is asked whether a
    web address may be fetched; without it none is.
    """
    if list(sources).count("-") > 1:
        raise UsageError("stdin can be read only once: name - once")
    how = Opening.parse(pages, encoding, kind, password, ocr)
    documents: list[Document] = []
    try:
        for source in sources:
            if recursive and is_folder(source):
                documents += members(source, folder_files(source), how)
                continue
            opened = from_web(source, net) if is_address(source) else open_source(source)
            if how.kind is None and is_plain_zip(opened):
                documents += members(opened.label, zip_members(opened), how)
            else:
                documents.append(how.opened(opened))
    except BaseException:
        for document in documents:
            document.close()
        raise
    return documents


def from_web(address: str, net: AllowNet | None) -> Source:
    """Return what is at a web address. Raises UsageError where it may not be fetched."""
    if net is None or not net(address):
        raise UsageError(f"{printable(address)} is a web address: add --allow-net to have it fetched, or download it")
    return fetched(address)


@dataclass(frozen=True, slots=True)
class Opening:
    """How documents are opened: see `open_document`."""

    selection: PageRange | None
    encoding: str | None
    kind: Kind | None
    password: AskPassword | None
    ocr: bool

    @classmethod
    def parse(
        cls, pages: str | None, encoding: str | None, kind: str | None, password: AskPassword | None, ocr: bool
    ) -> "Opening":
        """Return the settings as they are used; raise UsageError for one that cannot be."""
        selection = PageRange.parse(pages) if pages is not None else None
        return cls(selection, encoding, parse_kind(kind) if kind is not None else None, password, ocr)

    def opened(self, source: Source) -> Document:
        """Return the document that a source is; close the source where it is none."""
        try:
            if is_state(source):
                return Document(source, STATE_KIND, StateReader(source))
            kind = self.kind or identify(source, self.encoding)
            if kind == "text" and source.suggested and self.kind is None:
                kind = parse_kind(source.suggested)
            reader = open_reader(source, kind, self.selection, self.encoding, self.password, self.ocr)
            return Document(source, kind, reader, ocr=self.ocr)
        except BaseException:
            source.close()
            raise


def members(label: str, sources: Iterable[Source], how: Opening) -> list[Document]:
    """Return the documents among the files of a folder or zip; raise InputError where there is none."""
    documents: list[Document] = []
    left_out: list[str] = []
    for source in sources:
        try:
            documents.append(how.opened(source))
        except (InputError, NoTextError) as error:
            left_out.append(error.message)
    if not documents:
        raise InputError(f"{label} holds no document that can be read" + (f": {left_out[0]}" if left_out else ""))
    if left_out:
        documents[0].warn(f"{len(left_out)} files of {label} are left out; {left_out[0]}")
    return documents
