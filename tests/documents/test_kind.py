"""Kinds are told by content, suffixes break ties, and what is no document is named."""

import zipfile
from pathlib import Path

import pytest

from freqkv_cli.documents import open_document
from freqkv_cli.errors import InputError, UsageError
from tests.documents.samples import write_epub, write_pdf

HTML = b"<!DOCTYPE html><html><body><p>text</p></body></html>"


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("a", b"plain text", "text"),
        ("a.pdf", b"plain text", "text"),
        ("a.md", b"# title", "markdown"),
        ("a.MARKDOWN", b"text", "markdown"),
        ("a.txt", HTML, "html"),
        ("a", b"\xef\xbb\xbf \n<?xml version='1.0'?>\n<!-- a --><!-- b -->" + HTML, "html"),
        ("a", HTML.decode().encode("utf-16"), "html"),
        ("a.html", b"a <b>bold</b><p>fragment", "html"),
        ("a.html", b"no tags at all, 1 < 2", "text"),
        ("a.md", b'<h1 align="center">A readme</h1>', "markdown"),
        ("a.txt", b"<!-- a -->" * 300 + b"text", "text"),
        ("a.txt", b"A PDF begins with %PDF-1.7", "text"),
        ("a.txt", "Ünïcode".encode("utf-16"), "text"),
    ],
)
def test_texts(tmp_path: Path, name: str, data: bytes, kind: str) -> None:
    (tmp_path / name).write_bytes(data)
    assert open_document(str(tmp_path / name)).kind == kind


def test_pdf_and_epub_whatever_their_suffix(tmp_path: Path) -> None:
    assert open_document(str(write_pdf(tmp_path / "a.txt", ["text"]))).kind == "pdf"
    assert open_document(str(write_epub(tmp_path / "b.zip", [("A", "<p>text</p>")]))).kind == "epub"
    (tmp_path / "c").write_bytes(b"junk before\n" + (tmp_path / "a.txt").read_bytes())
    assert open_document(str(tmp_path / "c")).kind == "pdf"


def test_kind_can_be_forced(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_bytes(HTML)
    document = open_document(str(tmp_path / "a.html"), kind="text")
    assert [page.text for page in document.pages()] == [HTML.decode()]
    with pytest.raises(UsageError, match="choose one of pdf, epub, docx"):
        open_document(str(tmp_path / "a.html"), kind="doc")
    with pytest.raises(InputError, match="broken PDF"):
        open_document(str(tmp_path / "a.html"), kind="pdf")
    with pytest.raises(InputError, match="broken zip"):
        open_document(str(tmp_path / "a.html"), kind="epub")


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"\x89PNG\r\n\x1a\n", "a PNG image: recognise its text"),
        (b"\xff\xd8\xff\xe0", "a JPEG image"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document, or a message of Outlook: save it as PDF"),
        (b"x" * 60 + b"BOOKMOBI", "a Kindle book: turn it into EPUB"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "protected by a password"),
        (b"TPZ3", "a Kindle book: turn it into EPUB"),
        (b"\x1f\x8b\x08", "a gzip archive: unpack it"),
        (b"x" * 257 + b"ustar", "a tar archive"),
        (b"\x00" * 4 + b"ftypmp42", "a video"),
        (b"GGUF\x03", "a GGUF model: give it to --model"),
        (b"text\x00with\x00nul", "binary data of an unknown kind"),
        (bytes(range(1, 256)) * 8, "binary data|no encoding fits|is not UTF-8"),
        (b"PK\x03\x04 and no more", "a broken zip archive"),
    ],
)
def test_what_is_no_document_is_named(tmp_path: Path, data: bytes, what: str) -> None:
    (tmp_path / "a.txt").write_bytes(data)
    with pytest.raises(InputError, match=what):
        open_document(str(tmp_path / "a.txt"))


@pytest.mark.parametrize(
    ("member", "data", "what"),
    [
        ("mimetype", "application/vnd.oasis.opendocument.graphics", "an OpenDocument file without text"),
        ("notes.txt", "text", "a zip archive: unpack it"),
    ],
)
def test_other_zips_are_named(tmp_path: Path, member: str, data: str, what: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(member, data)
    with pytest.raises(InputError, match=what):
        open_document(str(tmp_path / "a.zip"))
