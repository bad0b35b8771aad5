"""Sources: the bytes of one input, whether a file or a stream, identified by their hash."""

import hashlib
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Protocol

from freqkv_cli.documents.reader import reason
from freqkv_cli.errors import InputError, NoTextError, UsageError

BLOCK_BYTES = 1 << 20
SPOOL_BYTES = 4 << 20  # a stream longer than this goes to a temporary file


class Readable(Protocol):
    """What bytes come out of, a piece at a time; an empty one is the end."""

    def read(self, count: int, /) -> bytes:
        """Return the next piece."""


@dataclass(frozen=True, slots=True)
class Source:
    """The bytes of one input. `spool` holds those of a stream; a file stays where it is and is watched for changes."""

    name: str
    label: str  # the name as it may be shown on a terminal
    path: str | None
    spool: IO[bytes] | None
    sha256: str
    byte_count: int
    stamp: tuple[int, int, int] | None
    suggested: str | None = None  # the kind that a server says it is

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """Give the bytes as a seekable stream at its start; raise InputError if the file is gone or has changed."""
        if self.spool is not None:
            self.spool.seek(0)
            yield self.spool
            return
        self.check_unchanged()
        assert self.path is not None
        try:
            stream = open(self.path, "rb")  # noqa: SIM115
        except OSError as error:
            raise input_error(self.label, error) from None
        with stream:
            yield stream

    def head(self, count: int) -> bytes:
        """Return the first `count` bytes."""
        with self.opened() as stream:
            return stream.read(count)

    def blocks(self) -> Iterator[bytes]:
        """Yield all bytes, one block in memory at a time."""
        with self.opened() as stream:
            yield from iter(lambda: stream.read(BLOCK_BYTES), b"")

    def check_unchanged(self) -> None:
        """Raise InputError if the file was deleted, replaced or written to since it was opened."""
        if self.path is None:
            return
        try:
            stamp = stamp_of(os.stat(self.path))
        except FileNotFoundError:
            raise InputError(f"{self.label} was deleted while it was being read: restore it and run again") from None
        except OSError as error:
            raise input_error(self.label, error) from None
        if stamp != self.stamp:
            raise InputError(f"{self.label} changed while it was being read: run again when it is complete")

    def close(self) -> None:
        """Delete what was kept of a stream."""
        if self.spool is not None:
            self.spool.close()


def open_source(name: str) -> Source:
    """Return the source that the user named, hashed; "-" is stdin.

    Raises UsageError for a terminal as stdin, InputError for what cannot be read, NoTextError for no bytes at all.
    """
    if name == "-":
        source = spooled("stdin", "stdin", standard_input())
        if source.byte_count == 0:
            source.close()
            raise NoTextError("stdin is empty: pipe text into it, or name a file")
        return source
    label = printable(name)
    try:
        status = os.stat(name)
        if stat.S_ISDIR(status.st_mode):
            raise InputError(
                f"{label} is a folder: add -r for all files in it, or name some, as in {label.rstrip('/')}/*.txt"
            )
        if not (stat.S_ISREG(status.st_mode) or stat.S_ISFIFO(status.st_mode) or name == os.devnull):
            raise InputError(f"{label} is a device, not a document: name a file, or pipe the text in with -")
        with open(name, "rb") as stream:
            if stat.S_ISREG(status.st_mode):
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
                source = Source(name, label, name, None, digest, status.st_size, stamp_of(status))
            else:
                source = spooled(name, label, stream)
    except (OSError, ValueError) as error:
        raise input_error(label, error) from None
    source.check_unchanged()
    if source.byte_count == 0:
        source.close()
        raise NoTextError(f"{label} is empty: name a file with text in it")
    return source


def standard_input() -> IO[bytes]:
    """Return stdin as bytes; raise UsageError where nothing is piped in."""
    if sys.stdin is None or sys.stdin.closed or sys.stdin.isatty():
        raise UsageError(
            "stdin is a terminal, there is nothing to read: name a file, or pipe text in, as in cat a.txt | ..."
        )
    return sys.stdin.buffer


def spooled(name: str, label: str, stream: Readable) -> Source:
    """Return a source of all that comes out of `stream`: kept in memory while small, else in an unnamed file."""
    spool = tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES)  # noqa: SIM115
    digest = hashlib.sha256()
    count = 0
    try:
        while block := stream.read(BLOCK_BYTES):
            spool.write(block)
            digest.update(block)
            count += len(block)
    except InputError:
        spool.close()
        raise
    except OSError as error:
        spool.close()
        raise InputError(
            f"{label} cannot be kept in {tempfile.gettempdir()} ({reason(error)}): set TMPDIR to a folder with room"
        ) from None
    return Source(name, label, None, spool, digest.hexdigest(), count, None)


def stamp_of(status: os.stat_result) -> tuple[int, int, int]:
    """Return what changes when a file is replaced or written to."""
    return status.st_ino, status.st_size, status.st_mtime_ns


def printable(name: str) -> str:
    """Return a file name with all that would upset a terminal written as escapes."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in name)


def input_error(label: str, error: Exception) -> InputError:
    """Return the one line for a file that the system refuses to read."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        if "://" in label:
            return InputError(f"{label} is an address, not a file: download it first, as in curl -L {label} | ... -")
        return InputError(f"{label} does not exist: check the name and the folder")
    if isinstance(error, PermissionError):
        return InputError(f"{label} may not be read (permission denied): change its permissions, as in chmod u+r")
    detail = error.strerror if isinstance(error, OSError) and error.strerror else reason(error)
    return InputError(f"{label} cannot be read ({detail}): check the file and its disk")
