"""Endless text comes in whole lines, each once, through rotation and truncation."""

import os
from pathlib import Path

import pytest

from freqkv_cli.errors import InputError
from freqkv_cli.following.tail import FileTail, StreamTail


def everything(tail: FileTail) -> bytes:
    """All that there is now."""
    found = b""
    while block := tail.read(0.0):
        found += block
    return found


def test_a_file_gives_whole_lines_as_they_come(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"one\ntwo\nthr")
    tail = FileTail(log)
    assert everything(tail) == b"one\ntwo\n"
    with log.open("ab") as file:
        file.write(b"ee\n")
    assert everything(tail) == b"three\n"
    assert everything(tail) == b""


def test_it_goes_on_where_it_was(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"one\ntwo\n")
    tail = FileTail(log)
    everything(tail)
    with log.open("ab") as file:
        file.write(b"three\n")
    assert everything(FileTail(log, tail.inode, tail.offset)) == b"three\n"
    assert everything(FileTail(log, tail.inode + 1, tail.offset)) == b"one\ntwo\nthree\n"


def test_a_rotated_log_is_read_to_its_end_and_then_the_new_one(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"one\n")
    tail = FileTail(log)
    everything(tail)
    with log.open("ab") as file:
        file.write(b"two\nhalf")
    log.rename(tmp_path / "a.log.1")
    log.write_bytes(b"three\n")
    assert tail.read(1.0) == b"two\n"
    assert tail.read(1.0) == b"half\n"
    assert tail.read(1.0) == b"three\n"


def test_a_log_that_was_cut_is_read_from_its_start(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"a long first line\n")
    tail = FileTail(log)
    everything(tail)
    log.write_bytes(b"new\n")
    assert tail.read(1.0) == b"new\n"


def test_a_line_without_an_end_is_not_waited_for(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"x" * 70_000)
    assert len(FileTail(log).read(0.0) or b"") == 64 * 1024


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be followed"):
        FileTail(tmp_path / "no.log")


def test_a_pipe_gives_lines_and_its_last_words(tmp_path: Path) -> None:
    ours, theirs = os.pipe()
    with open(ours, "rb") as stream, open(theirs, "wb", buffering=0) as writer:
        tail = StreamTail(stream)
        assert tail.read(0.01) == b""
        writer.write(b"one\ntw")
        assert tail.read(1.0) == b"one\n"
        assert tail.read(0.01) == b""
        writer.write(b"o")
        writer.close()
        while (last := tail.read(1.0)) == b"":
            pass
        assert last == b"two"
        assert tail.read(1.0) is None
