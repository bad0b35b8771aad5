"""Which reader reads which kind of document; a library is imported when its kind is met."""

from freqkv_cli.documents.encoding import find_encoding
from freqkv_cli.documents.kind import Kind
from freqkv_cli.documents.page_range import PageRange
from freqkv_cli.documents.reader import AskPassword, Reader
from freqkv_cli.documents.source import Source
from freqkv_cli.documents.text import TextReader
from freqkv_cli.errors import UsageError


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
        from freqkv_cli.documents.markup.epub import EpubReader

        return EpubReader(source, selection)
    if selection is not None and kind not in ("pdf", "epub"):
        raise UsageError(f"{source.label} has no pages: a page range works with PDF and EPUB only")
    if kind == "html":
        from freqkv_cli.documents.markup.html import HtmlReader

        return HtmlReader(source, encoding)
    if (opened := open_office(source, kind)) is not None:
        return opened
    found = find_encoding(source, encoding)
    if kind == "csv":
        from freqkv_cli.documents.records.csv_table import CsvReader

        return CsvReader(source, found)
    if kind in ("json", "jsonl"):
        from freqkv_cli.documents.records.json_records import open_json, open_jsonl

        return open_json(source, found) if kind == "json" else open_jsonl(source, found)
    if kind == "subtitles":
        from freqkv_cli.documents.records.subtitles import open_subtitles

        return open_subtitles(source, found)
    if kind == "log":
        from freqkv_cli.documents.records.log import LogReader

        return LogReader(source, found)
    if kind == "latex":
        from freqkv_cli.documents.markup.latex import line_cleaner

        return TextReader(source, found, style="latex", clean_line=line_cleaner)
    return TextReader(source, found, style=kind if kind in ("markdown", "rst") else None)


def open_office(source: Source, kind: Kind) -> Reader | None:
    """Return the reader for an office document, a message or an e-book in XML, None for any other kind."""
    if kind == "docx":
        from freqkv_cli.documents.office.word import open_docx

        return open_docx(source)
    if kind in ("odt", "odp"):
        from freqkv_cli.documents.office.open_document import open_odf

        return open_odf(source, slides=kind == "odp")
    if kind == "pptx":
        from freqkv_cli.documents.office.slides import open_pptx

        return open_pptx(source)
    if kind in ("xlsx", "xls", "ods"):
        from freqkv_cli.documents.office.sheets import open_sheets

        return open_sheets(source, kind)
    if kind == "rtf":
        from freqkv_cli.documents.office.rtf import open_rtf

        return open_rtf(source)
    if kind in ("eml", "mbox"):
        from freqkv_cli.documents.records.mail import open_mail

        return open_mail(source, many=kind == "mbox")
    if kind == "fb2":
        from freqkv_cli.documents.markup.fb2 import open_fb2

        return open_fb2(source)
    return None
