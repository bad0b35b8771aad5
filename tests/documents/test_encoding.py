"""Encodings: strict first, guessed only where it must be, and always said."""

from pathlib import Path

import pytest

from freqkv_cli.documents import open_document
from freqkv_cli.documents.source import BLOCK_BYTES
from freqkv_cli.errors import InputError, NoTextError, UsageError

TEXT = "Die Straße war naß — “quoted” — déjà vu.\n" * 20
RUSSIAN = "Съешь же ещё этих мягких французских булок, да выпей чаю.\n" * 20


def read(path: Path, data: bytes, encoding: str | None = None) -> tuple[str, str | None, list[str]]:
    path.write_bytes(data)
    document = open_document(str(path), encoding=encoding)
    return "".join(page.text for page in document.pages()), document.encoding, document.warnings


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_is_read_without_a_word(tmp_path: Path, encoding: str) -> None:
    assert read(tmp_path / "a.txt", TEXT.encode(encoding)) == (TEXT, encoding, [])


def test_characters_across_blocks_are_whole(tmp_path: Path) -> None:
    text = "x" * (BLOCK_BYTES - 1) + "€" + "\r" * BLOCK_BYTES + "\n" + "😀"
    expected = "x" * (BLOCK_BYTES - 1) + "€" + "\n" * BLOCK_BYTES + "😀"
    assert read(tmp_path / "a.txt", text.encode()) == (expected, "utf-8", [])


@pytest.mark.parametrize(("text", "encoding"), [(TEXT, "cp1252"), (RUSSIAN, "cp1251")])
def test_another_encoding_is_guessed_and_said(tmp_path: Path, text: str, encoding: str) -> None:
    read_text, found, warnings = read(tmp_path / "a.txt", text.encode(encoding))
    assert (read_text, found) == (text, encoding)
    assert len(warnings) == 1
    assert f"read as {encoding}" in warnings[0]
    assert "--encoding" in warnings[0]


def test_an_encoding_that_shows_only_deep_in_the_file_is_guessed(tmp_path: Path) -> None:
    text = "plain words of English text\n" * (3 * BLOCK_BYTES // 28) + TEXT
    assert read(tmp_path / "a.txt", text.encode("cp1252"))[:2] == (text, "cp1252")


def test_damaged_utf8_stays_utf8_and_is_said(tmp_path: Path) -> None:
    read_text, found, warnings = read(tmp_path / "a.txt", TEXT.encode() + b"\xff\xfeab" + TEXT.encode())
    assert (read_text, found) == (f"{TEXT}\ufffd\ufffdab{TEXT}", "utf-8")
    assert warnings == [
        f"{tmp_path}/a.txt: 2 byte sequences are not UTF-8 (the first at byte {len(TEXT.encode())}) and became U+FFFD"
    ]


def test_a_given_encoding_is_used(tmp_path: Path) -> None:
    assert read(tmp_path / "a.txt", TEXT.encode("cp1252"), "windows-1252") == (TEXT, "cp1252", [])
    assert read(tmp_path / "b.txt", TEXT.encode("utf-16-le"), "utf-16-le") == (TEXT, "utf-16-le", [])


@pytest.mark.parametrize("before", [10, BLOCK_BYTES - 2, BLOCK_BYTES + 10])
def test_a_wrong_given_encoding_is_refused_with_the_place(tmp_path: Path, before: int) -> None:
    (tmp_path / "a.txt").write_bytes(b"x" * before + "ß".encode() + b"\xe9tude")
    with pytest.raises(InputError, match=rf"is not utf-8: byte {before + 2} does not fit"):
        open_document(str(tmp_path / "a.txt"), encoding="utf-8")
    (tmp_path / "a.txt").write_bytes(b"x" * before + b"\xe2\x82")  # cut off inside of a character
    with pytest.raises(InputError, match=rf"byte {before} does not fit"):
        open_document(str(tmp_path / "a.txt"), encoding="utf-8")


@pytest.mark.parametrize("encoding", ["no-such", "rot13", "hex", "zlib", ""])
def test_an_unknown_encoding_is_refused(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.txt").write_text("text")
    with pytest.raises(UsageError, match=r"encoding .* is not known"):
        open_document(str(tmp_path / "a.txt"), encoding=encoding)


def test_a_broken_mark_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("\ufeffab".encode("utf-16-le") + b"\x00\xd8")
    with pytest.raises(InputError, match="marked as utf-16 but byte 6"):
        open_document(str(tmp_path / "a.txt"))


def test_control_characters_deep_in_the_file_are_binary_data(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"#!/bin/sh\n" * 10_000 + bytes(range(1, 128)) * 1000)
    with pytest.raises(InputError, match="binary data"):
        open_document(str(tmp_path / "a.txt"))


def test_white_space_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b" \r\n\t" * 1000)
    with pytest.raises(NoTextError, match="white space"):
        open_document(str(tmp_path / "a.txt"))
