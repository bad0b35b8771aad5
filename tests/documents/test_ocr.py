"""Scanned pages are recognised by tesseract; the tests put a program of that name in its place."""

from pathlib import Path

import pytest

from freqkv_cli.documents import open_document
from freqkv_cli.errors import UsageError
from tests.documents.samples import BLANK, SCAN, write_pdf

# Takes a picture in the PGM format and tells its size; an "osd" among the languages is none.
PROGRAM = """#!/bin/sh
if [ "$1" = --list-langs ]; then printf 'List of languages:\\ndeu\\neng\\nosd\\n'; exit 0; fi
head -c 14 | tr '\\n' ' '; echo "$@"
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that is found as tesseract."""
    path = tmp_path / "bin" / "tesseract"
    path.parent.mkdir()
    path.write_text(PROGRAM)
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{path.parent}:/usr/bin:/bin")
    return path


def test_scanned_pages_are_drawn_and_recognised(tmp_path: Path, program: Path) -> None:
    document = open_document(str(write_pdf(tmp_path / "a.pdf", ["typed", SCAN, BLANK, "more"])), ocr=True)
    texts = {page.number: page.text for page in document.pages()}
    # A page of 595.28 x 841.89 points at 300 dots per inch, in grey.
    assert texts == {1: "typed", 2: "P5 2481 3508 2stdin stdout --dpi 300 -l eng+deu", 4: "more"}
    assert document.left_out == {"pages without text": 1}


def test_a_failure_is_told_and_costs_one_page(tmp_path: Path, program: Path) -> None:
    program.write_text(PROGRAM.replace("head -c", "echo no memory >&2; exit 1; head -c"))
    document = open_document(str(write_pdf(tmp_path / "a.pdf", ["typed", SCAN])), ocr=True)
    assert [page.number for page in document.pages()] == [1]
    assert document.bad_pages == {2: "tesseract failed: no memory"}


def test_without_the_program_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="--ocr needs tesseract, which is not installed: apt-get install"):
        open_document(str(write_pdf(tmp_path / "a.pdf", [SCAN])), ocr=True)
