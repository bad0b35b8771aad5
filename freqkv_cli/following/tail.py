"""Where endless text comes from: a file like `tail -F` reads it, with rotation, or a pipe."""

import os
import queue
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Protocol

from freqkv_cli.errors import InputError

BLOCK = 16 * 1024  # bytes that are taken at once
LONGEST = 64 * 1024  # bytes of a line that is not waited for any longer
PAUSE = 0.2  # seconds between two looks at a file that has nothing new


class Tail(Protocol):
    """Endless text."""

    inode: int
    offset: int

    def read(self, seconds: float) -> bytes | None:
        """Return whole lines, empty where none came within `seconds`, None when no more can come."""


class FileTail:
    """A file that grows, and may be replaced by a new one of its name or cut to nothing, as logs are.

    It begins at `offset` if it still is the file `inode`, else at its start. Raises InputError where there is none.
    """

    def __init__(self, path: Path, inode: int = 0, offset: int = 0) -> None:
        self.path = path
        self._rest = b""
        self._file = self._open()
        same = self.inode == inode and os.fstat(self._file.fileno()).st_size >= offset
        self.offset = offset if same else 0
        self._file.seek(self.offset)

    def read(self, seconds: float) -> bytes | None:
        """Return whole lines; never None, as a file may always grow."""
        deadline = time.monotonic() + seconds
        while True:
            if lines := self._lines():
                return lines
            if time.monotonic() >= deadline:
                return b""
            if not self._renewed():
                time.sleep(min(PAUSE, seconds))

    def _open(self) -> IO[bytes]:
        try:
            file = open(self.path, "rb")  # noqa: SIM115
        except OSError as error:
            raise InputError(f"{self.path} cannot be followed ({error.strerror}): check the name") from None
        self.inode = os.fstat(file.fileno()).st_ino
        return file

    def _lines(self) -> bytes:
        if rest := self._rest:
            self._rest = b""
            return rest
        self._file.seek(self.offset)
        held = self._file.read(BLOCK)
        end = held.rfind(b"\n") + 1
        if not end and len(held) == BLOCK:  # a long line
            held += self._file.read(LONGEST - BLOCK)
            end = held.find(b"\n") + 1 or (len(held) if len(held) == LONGEST else 0)
        self.offset += end
        return held[:end]

    def _renewed(self) -> bool:
        """Return whether another file has taken the name, or this one was cut; it is read from its start then."""
        try:
            status = os.stat(self.path)
        except OSError:
            return False  # between two files
        if status.st_ino != self.inode:
            self._file.seek(self.offset)
            if rest := self._file.read():  # a last line that was not ended
                self._rest = rest + b"\n"
            self._file.close()
            self._file = self._open()
        elif status.st_size >= self.offset:
            return False
        self.offset = 0
        return True


class StreamTail:
    """A pipe. What came is gone from it, so a reading that goes on begins with what comes next."""

    inode = 0

    def __init__(self, stream: IO[bytes]) -> None:
        self.offset = 0
        self._held = b""
        self._pieces: queue.Queue[bytes] = queue.Queue(maxsize=64)  # whoever writes waits where this is full
        self._ended = False
        self._before: IO[bytes] | None = None
        threading.Thread(target=self._listen, args=(stream,), daemon=True).start()

    def read(self, seconds: float) -> bytes | None:
        """Return whole lines, None at the end of the pipe."""
        while (end := self._held.rfind(b"\n", 0, BLOCK) + 1) == 0 and len(self._held) < LONGEST and not self._ended:
            piece = self._before.read(BLOCK) if self._before is not None else b""
            if not piece:
                self._before = None
                try:
                    piece = self._pieces.get(timeout=seconds)
                except queue.Empty:
                    return b""
            self._held += piece
            self._ended = not piece
        if self._ended and not self._held:
            return None
        end = end or min(len(self._held), LONGEST)
        lines, self._held = self._held[:end], self._held[end:]
        self.offset += end
        return lines

    def go_back(self, given: IO[bytes]) -> None:
        """Begin once more, with all that has been `given`."""
        self._before = given
        self.offset = 0

    def _listen(self, stream: IO[bytes]) -> None:
        with suppress(OSError, ValueError):  # a pipe that is closed here has ended
            while piece := os.read(stream.fileno(), BLOCK):
                self._pieces.put(piece)
        self._pieces.put(b"")
