"""PDFs are read page by page; every page that gives no text is accounted for."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pytest
from pypdf import PdfReader

from freqkv_cli.documents import Document, open_document
from freqkv_cli.documents.pdf import reader, structure
from freqkv_cli.documents.pdf.lines import Line
from freqkv_cli.documents.pdf.page_lines import PageLines
from freqkv_cli.documents.pdf.reader import CACHE_PAGES, LEADING_EMPTY
from freqkv_cli.documents.pdf.words import Word
from freqkv_cli.errors import ExitCode, FreqkvError, InputError, NoTextError, UsageError
from tests.documents.samples import BLANK, SCAN, break_page, encrypt, write_pdf


def texts(document: Document) -> dict[int, str]:
    return {page.number: page.text for page in document.pages()}


def refusal(path: Path, password: Callable[[str], str | None] | None = None) -> FreqkvError:
    with pytest.raises(FreqkvError) as caught:
        list(open_document(str(path), password=password).pages())
    assert caught.value.message.isprintable()
    assert path.name in caught.value.message
    return caught.value


def test_pages_keep_their_number_and_title(tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "a.pdf", ["First page\nof two", "Second page"], titles=True)
    document = open_document(str(path))
    assert (document.kind, document.has_pages, document.page_count, document.encoding) == ("pdf", True, 2, None)
    assert document.progress() == 0
    pages = document.pages()
    page = next(pages)
    assert (page.text, page.number, page.first_line, page.heading) == ("First page\nof two", 1, None, "First page")
    assert document.progress() == 0.5
    assert [(page.number, page.heading) for page in pages] == [(2, "Second page")]
    assert (document.progress(), document.warnings, document.empty_pages) == (1, [], [])


def test_selected_pages(tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "a.pdf", [f"page {number}" for number in range(1, 8)])
    document = open_document(str(path), pages="6-,2,1-2")
    assert document.page_count == 4
    assert texts(document) == {1: "page 1", 2: "page 2", 6: "page 6", 7: "page 7"}
    with pytest.raises(UsageError, match="has pages 1-7"):
        open_document(str(path), pages="1-8")


def test_pages_without_text_are_listed(tmp_path: Path) -> None:
    document = open_document(str(write_pdf(tmp_path / "a.pdf", ["one", SCAN, BLANK, "four", SCAN])))
    assert texts(document) == {1: "one", 4: "four"}
    assert document.empty_pages == [2, 3, 5]
    assert document.warnings == [f"{tmp_path}/a.pdf: no text on pages 2-3, 5 (2, 5 scanned: --ocr reads pictures)"]
    assert document.progress() == 1


def test_a_scan_is_no_text(tmp_path: Path) -> None:
    error = refusal(write_pdf(tmp_path / "a.pdf", [SCAN] * 3))
    assert error.exit_code == ExitCode.NO_TEXT
    assert "3 of 3 pages have no text" in error.message
    assert "ocrmypdf in.pdf out.pdf" in error.message


def test_more_than_nine_of_ten_pages_without_text_are_no_text(tmp_path: Path) -> None:
    assert texts(open_document(str(write_pdf(tmp_path / "a.pdf", ["one"] + [SCAN] * 9)))) == {1: "one"}
    assert "10 of 11 pages" in refusal(write_pdf(tmp_path / "b.pdf", ["one"] + [SCAN] * 10)).message


def test_a_long_scan_is_refused_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    pdf: Any = importlib.import_module("freqkv_cli.documents.pdf.reader")

    extract = pdf.page_text

    def spy(reader: PdfReader, number: int) -> str:
        seen.append(number)
        return extract(reader, number)

    monkeypatch.setattr(pdf, "page_text", spy)
    error = refusal(write_pdf(tmp_path / "a.pdf", [SCAN] * 300))
    assert isinstance(error, NoTextError)
    assert "the first 20 pages have no text, nor have 20 of 20 others" in error.message
    assert len(seen) == 40
    assert max(seen) > 280  # the sample reaches to the end


def test_a_scanned_beginning_is_not_a_scan(tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "a.pdf", [SCAN] * (LEADING_EMPTY + 5) + ["text"] * 30)
    document = open_document(str(path))
    assert len(texts(document)) == 30
    assert document.warnings == [f"{path}: no text on pages 1-25 (1-25 scanned: --ocr reads pictures)"]


def test_a_bad_page_in_the_middle(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = break_page(write_pdf(tmp_path / "a.pdf", ["one", "two", "three"]), 2)
    document = open_document(str(path))
    assert texts(document) == {1: "one", 3: "three"}
    assert list(document.bad_pages) == [2]
    assert document.warnings == [f"{path}: page 2 cannot be read ({document.bad_pages[2]}) and is left out"]
    assert capfd.readouterr() == ("", "")


def test_no_readable_page(tmp_path: Path) -> None:
    error = refusal(break_page(write_pdf(tmp_path / "a.pdf", ["one"]), 1))
    assert error.exit_code == ExitCode.INPUT
    assert "no page of it can be read" in error.message


@pytest.mark.parametrize("keep", [0.02, 0.3, 0.6])
def test_a_cut_off_pdf(tmp_path: Path, keep: float, capfd: pytest.CaptureFixture[str]) -> None:
    path = write_pdf(tmp_path / "a.pdf", ["text " * 10] * 20)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    error = refusal(path)
    assert error.exit_code == ExitCode.INPUT
    assert "broken PDF" in error.message
    assert capfd.readouterr() == ("", "")


def test_a_pdf_that_ends_inside_of_an_update_is_read_with_a_warning(tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "a.pdf", ["one"])
    path.write_bytes(path.read_bytes() + b"99 0 obj\n(" + b"x\n" * 2000)
    document = open_document(str(path))
    assert texts(document) == {1: "one"}
    assert document.warnings == [f"{path} has no end mark: it may be cut off, and pages at its end missing"]


def test_garbage_behind_the_magic(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7\n" + bytes(range(256)) * 20)
    assert "broken PDF" in refusal(tmp_path / "a.pdf").message


@pytest.mark.parametrize("algorithm", ["RC4-128", "AES-256"])
def test_encrypted(tmp_path: Path, algorithm: str) -> None:
    path = encrypt(write_pdf(tmp_path / "a.pdf", ["secret"]), "right", algorithm)
    for password in (None, lambda name: None, lambda name: ""):
        error = refusal(path, password)
        assert error.exit_code == ExitCode.INPUT
        assert "is encrypted: give its password" in error.message
    assert "password is wrong" in refusal(path, lambda name: "wrong").message
    asked: list[str] = []

    def answer(name: str) -> str:
        asked.append(name)
        return "right"

    document = open_document(str(path), password=answer)
    assert texts(document) == texts(document) == {1: "secret"}
    assert asked == [str(path)]
    assert texts(open_document(str(path), password=lambda name: "owner")) == {1: "secret"}


@pytest.mark.parametrize("algorithm", ["RC4-128", "AES-256"])
def test_an_empty_password_is_not_asked_for(tmp_path: Path, algorithm: str) -> None:
    path = encrypt(write_pdf(tmp_path / "a.pdf", ["open"]), "", algorithm)
    assert texts(open_document(str(path), password=lambda name: pytest.fail("asked"))) == {1: "open"}


def test_a_pdf_through_stdin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_pdf(tmp_path / "a.pdf", ["one", "two"])
    with path.open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        document = open_document("-")
    assert (document.kind, texts(document), texts(document)) == ("pdf", {1: "one", 2: "two"}, {1: "one", 2: "two"})


def test_a_pdf_deleted_while_it_is_read(tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "a.pdf", ["one", "two"])
    pages = open_document(str(path)).pages()
    next(pages)
    path.unlink()
    with pytest.raises(InputError, match="was deleted while it was being read"):
        next(pages)


def test_objects_of_read_pages_are_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readers: list[PdfReader] = []
    pdf: Any = importlib.import_module("freqkv_cli.documents.pdf.reader")

    opened = pdf.open_pdf

    def spy(stream: IO[bytes], password: str | None = None) -> PdfReader:
        readers.append(opened(stream, password))
        return readers[-1]

    def refuse(*args: object) -> None:
        raise ValueError("so that pypdf has to read all pages")

    monkeypatch.setattr(pdf, "open_pdf", spy)
    monkeypatch.setattr(pdf, "read_lines", refuse)
    path = write_pdf(tmp_path / "a.pdf", [f"page {number}" for number in range(CACHE_PAGES * 4)])
    counts = []
    for page in open_document(str(path)).pages():
        counts.append(len(readers[-1].resolved_objects))
        assert page.text == f"page {page.number - 1}"
    assert max(counts) < counts[0] + 2 * CACHE_PAGES  # of at least one per page


def test_a_real_document(data: Path) -> None:
    document = open_document(str(data / "developers-reference.pdf"))
    pages = {page.number: page for page in document.pages()}
    assert (document.page_count, document.empty_pages, document.bad_pages) == (
        114,
        [2, 10, 12, 16, 22, 36, 70, 92, 104],  # blank, or with no more than a header
        {},
    )
    assert pages[13].heading == "Applying to Become a Member"
    # Without a space of the usual width the words of this line come out as one.
    assert "When you know how you want to contribute to Debian, you should get in contact" in pages[13].text
    assert "contact the list administrator at" in pages[13].text  # hyphenated in the source
    words = " ".join(page.text for page in pages.values()).split()
    assert sum(len(word) > 30 and word.isalpha() for word in words) == 0


def test_where_pdfium_knows_no_characters_pypdf_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_pdf(tmp_path / "a.pdf", ["one page of words", "another page"])
    nameless = Line([Word("\ufffd\ufffd\ufffd", 0, 0, 10, 10)])
    monkeypatch.setattr(reader, "read_lines", lambda pdf, number: PageLines(number, [nameless]))
    assert texts(open_document(str(path))) == {1: "one page of words", 2: "another page"}
    known = structure.page_text
    monkeypatch.setattr(reader, "page_text", lambda pdf, number: known(pdf, number) if number == 1 else "/g12/g45 /g9")
    document = open_document(str(path))
    assert texts(document) == {1: "one page of words"}
    assert document.bad_pages == {2: "its fonts do not say what characters they draw: try --ocr"}
