"""Kinds: what a source is, by its content first and by its suffix only where the content leaves it open."""

import re
from pathlib import PurePath
from typing import Literal, get_args

from freqkv_cli.documents.records.log import is_log
from freqkv_cli.documents.records.subtitles import is_subtitles
from freqkv_cli.documents.source import Source
from freqkv_cli.documents.utf import byte_order_mark, wide_encoding
from freqkv_cli.errors import InputError, UsageError

Kind = Literal[
    "pdf", "epub", "docx", "odt", "rtf", "pptx", "odp", "xlsx", "ods", "xls", "csv", "eml", "mbox", "subtitles",
    "json", "jsonl", "log", "latex", "rst", "fb2", "html", "markdown", "text",
]  # fmt: skip

ZIP_MARK = b"PK\x03\x04"
HEAD_BYTES = 64 * 1024
BINARY_HEAD_BYTES = 8 * 1024  # a text has no NUL here
TEXT_SUFFIXES = {".txt", ".text", ".log", ".csv", ".rst", ".tex", ".md", ".markdown", ".html", ".htm", ".xhtml"}
MARKDOWN_SUFFIXES = {".md", ".markdown", ".mdown", ".mkd"}
# What only a suffix tells for sure.
SUFFIX_KINDS: dict[str, Kind] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".srt": "subtitles",
    ".vtt": "subtitles",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".tex": "latex",
    ".ltx": "latex",
    ".rst": "rst",
    ".eml": "eml",
    ".mbox": "mbox",
    **dict.fromkeys(MARKDOWN_SUFFIXES, "markdown"),
}
HTML_SUFFIXES = {".html", ".htm", ".xhtml"}
HTML_START = re.compile(
    r"\s*+(?:<\?xml[^>]*>\s*)?+(?:<!--.*?-->\s*)*+(?:<!doctype\s+html|<html|<head|<body)\b", re.IGNORECASE | re.DOTALL
)
FB2_START = re.compile(
    r"\ufeff?\s*+(?:<\?xml[^>]*>\s*)?+(?:<!--.*?-->\s*)*+<FictionBook\b", re.DOTALL
)  # possessive, as above: no backtracking
RTF_START = re.compile(r"\{\\rtf")
MBOX_START = re.compile(r"From \S+ [^\n]*\d{4}\n[\w-]+: ")
EML_START = re.compile(r"(?:[\w-]{2,40}:[ \t][^\n]*\n(?:[ \t][^\n]*\n)*+){3}")
EML_HEADER = re.compile(r"^(?:From|Date|Received|Message-ID): ", re.MULTILINE | re.IGNORECASE)
JSON_START = re.compile(r"\s*[\[{]\s*[\"{\[\]}0-9-]")
JSON_LIMIT = 128 << 20  # bytes of one JSON value
SAMPLE_LINES = 20
TAG = re.compile(r"<(p|div|h[1-6]|ul|ol|table|a|br|span|title|meta)\b[^>]*>", re.I)

OFFICE = "save it as PDF or plain text first"
OCR = "recognise its text first, for example with ocrmypdf or tesseract"
EPUB_FIRST = "turn it into EPUB first, for example with Calibre"
UNPACK = "unpack it first and name the document in it"
OTHER = "name a document, such as PDF, EPUB, DOCX, HTML or text"
# (offset, bytes, what it is, the way out)
SIGNATURES = (
    (0, b"\x89PNG\r\n", "a PNG image", OCR),
    (0, b"\xff\xd8\xff", "a JPEG image", OCR),
    (0, b"GIF8", "a GIF image", OCR),
    (0, b"II*\x00", "a TIFF image", OCR),
    (0, b"MM\x00*", "a TIFF image", OCR),
    (8, b"WEBP", "a WebP image", OCR),
    (0, b"AT&TFORM", "a DjVu scan", "turn it into PDF first, for example with ddjvu -format=pdf"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document, or a message of Outlook", OFFICE),
    (60, b"BOOKMOBI", "a Kindle book", EPUB_FIRST),
    (0, b"TPZ", "a Kindle book", EPUB_FIRST),
    (0, b"CONT\x02\x00", "a Kindle book", EPUB_FIRST),  # KFX
    (0, b"\xeaDRMION\xee", "a Kindle book under copy protection (DRM)", "a copy without it is needed"),
    (0, b"ITOLITLS", "an e-book of Microsoft Reader", EPUB_FIRST),
    (0, b"ITSF", "a compiled help file", EPUB_FIRST),
    (0, b"%!PS", "a PostScript file", "turn it into PDF first with ps2pdf"),
    (0, b"\x1f\x8b", "a gzip archive", "unpack it first, as in zcat FILE | ... -"),
    (0, b"BZh", "a bzip2 archive", "unpack it first, as in bzcat FILE | ... -"),
    (0, b"\xfd7zXZ\x00", "an xz archive", "unpack it first, as in xzcat FILE | ... -"),
    (0, b"\x28\xb5\x2f\xfd", "a zstd archive", "unpack it first, as in zstdcat FILE | ... -"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", UNPACK),
    (0, b"Rar!\x1a\x07", "a RAR archive", UNPACK),
    (257, b"ustar", "a tar archive", UNPACK),
    (0, b"PK\x05\x06", "an empty zip archive", OTHER),
    (0, b"\x7fELF", "a program", OTHER),
    (0, b"MZ\x90\x00", "a program", OTHER),
    (0, b"SQLite format 3\x00", "a SQLite database", OTHER),
    (0, b"GGUF", "a GGUF model", "give it to --model, and name a document to read"),
    (4, b"ftyp", "a video or audio file", OTHER),
    (0, b"RIFF", "a video or audio file", OTHER),
    (0, b"OggS", "a video or audio file", OTHER),
    (0, b"ID3", "an audio file", OTHER),
)
OFFICE_FOLDERS: dict[str, Kind] = {"word/document": "docx", "xl/workbook": "xlsx", "ppt/presentation": "pptx"}
OPEN_DOCUMENTS: dict[str, Kind] = {"text": "odt", "spreadsheet": "ods", "presentation": "odp"}
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
BIFF = b"\x09"  # with which a sheet of Excel 2 to 4 begins
# The streams of an old Excel file, of an old presentation, and of what a password protects.
WORKBOOK, SLIDES, LOCKED = (
    name.encode("utf-16-le") for name in ("Workbook", "PowerPoint Document", "EncryptedPackage")
)


def parse_kind(written: str) -> Kind:
    """Return the kind that the user forces; raise UsageError for an unknown one."""
    for kind in get_args(Kind):
        if written.lower() == kind:
            return kind
    raise UsageError(f"document kind {written!r} is not known: choose one of {', '.join(get_args(Kind))}")


def identify(source: Source, encoding: str | None) -> Kind:
    """Return what the source is; raise InputError, naming it and a way out, for what is no document.

    With an `encoding` set by the user NUL bytes are no sign of binary data.
    """
    head = source.head(HEAD_BYTES)
    suffix = PurePath(source.name).suffix.lower()
    if head.startswith(b"%PDF-") or (b"%PDF-" in head[:1024] and suffix not in TEXT_SUFFIXES):
        return "pdf"
    if head.startswith(ZIP_MARK):
        return identify_zip(source)
    if head.startswith(OLE):
        if LOCKED in head:
            raise InputError(f"{source.label} is protected by a password: save it again without one")
        if suffix == ".xls" or (WORKBOOK in head and SLIDES not in head):
            return "xls"
    if suffix == ".xls" and head[:1] == BIFF:
        return "xls"
    for offset, signature, what, way_out in SIGNATURES:
        if head.startswith(signature, offset):
            raise InputError(f"{source.label} is {what}: {way_out}")
    marked = byte_order_mark(head) or wide_encoding(head[:BINARY_HEAD_BYTES])
    if marked is None and encoding is None and b"\x00" in head[:BINARY_HEAD_BYTES]:
        raise InputError(
            f"{source.label} is binary data of an unknown kind: {OTHER} (UTF-16 without a mark needs --encoding)"
        )
    start = head.decode(marked or "utf-8", "ignore")[:4096]
    if HTML_START.match(start) or (suffix in HTML_SUFFIXES and TAG.search(start)):
        return "html"
    return SUFFIX_KINDS.get(suffix) or text_kind(source, start.replace("\r\n", "\n"), suffix)


def text_kind(source: Source, start: str, suffix: str) -> Kind:
    """Return what a text is by how it begins."""
    if FB2_START.match(start):
        return "fb2"
    if RTF_START.match(start):
        return "rtf"
    if is_subtitles(start):
        return "subtitles"
    if suffix not in TEXT_SUFFIXES and MBOX_START.match(start):
        return "mbox"
    if suffix not in TEXT_SUFFIXES and EML_START.match(start) and EML_HEADER.search(start):
        return "eml"
    if suffix == ".json" or (suffix not in TEXT_SUFFIXES and JSON_START.match(start)):
        return json_kind(source)
    if r"\documentclass" in start and suffix not in TEXT_SUFFIXES:
        return "latex"
    return "log" if (suffix == ".log" or suffix not in TEXT_SUFFIXES) and is_log(start) else "text"


def json_kind(source: Source) -> Kind:
    """Return "json" for one JSON value, "jsonl" for one a line, "text" for what is neither."""
    import json

    if source.byte_count > JSON_LIMIT:
        return "jsonl" if source.head(HEAD_BYTES).split(b"\n")[0].strip().endswith((b"}", b"]")) else "text"
    with source.opened() as stream:
        data = stream.read()
    try:
        json.loads(data)
        return "json"
    except (ValueError, RecursionError):
        pass
    try:
        lines = [line for line in data.split(b"\n") if line.strip()][:SAMPLE_LINES]
        return (
            "jsonl" if len(lines) > 1 and all(isinstance(json.loads(line), dict | list) for line in lines) else "text"
        )
    except (ValueError, RecursionError):
        return "text"


def identify_zip(source: Source) -> Kind:
    """Return the kind of a document that is a zip; raise InputError for every other zip."""
    kind = zip_kind(source)
    if kind is None:
        raise InputError(f"{source.label} is a zip archive: {UNPACK}")
    return kind


def zip_kind(source: Source) -> Kind | None:
    """Return the kind of a document that is a zip, None for a zip of other files; raise InputError for a broken one."""
    import zipfile

    with source.opened() as stream:
        try:
            with zipfile.ZipFile(stream) as archive:
                names = archive.namelist()
                mimetype = archive.open("mimetype").read(100).decode("latin-1") if "mimetype" in names else ""
        except MemoryError:
            raise
        except Exception:  # a damaged directory may say anything, even to seek before the start of the file
            raise InputError(f"{source.label} is a broken zip archive: get it again") from None
    if mimetype.strip() == "application/epub+zip" or "META-INF/container.xml" in names:
        return "epub"
    for start, kind in OPEN_DOCUMENTS.items():
        if mimetype.startswith(f"application/vnd.oasis.opendocument.{start}"):
            return kind
    for folder, kind in OFFICE_FOLDERS.items():
        if any(name.startswith(folder) for name in names):
            return kind
    if mimetype.startswith("application/vnd.oasis"):
        raise InputError(f"{source.label} is an OpenDocument file without text: {OFFICE}")
    return None
