"""Archives: the members of a zip, unpacked one at a time and never beyond a limit."""

import re
import zipfile
from collections.abc import Iterator, Sequence
from typing import IO

from freqkv_cli.errors import InputError

MEMBER_LIMIT = 32 << 20  # bytes of one unpacked member
TOTAL_LIMIT = 512 << 20  # bytes unpacked in one reading
RATIO_LIMIT = 200  # times a member may grow; text grows about 3 to 20 times
BLOCK_BYTES = 1 << 20
OVERLAP = 4096
RATIO_FREE = 1 << 20  # bytes up to which any ratio is harmless


class Archive:
    """A zip opened for reading; raises InputError for one that is broken, locked or a bomb."""

    def __init__(self, stream: IO[bytes], label: str) -> None:
        self.label = label
        self._unpacked = 0
        try:
            self._zip = zipfile.ZipFile(stream)
        except MemoryError:
            raise
        except Exception:  # a damaged directory may say anything, even to seek before the start of the file
            raise InputError(f"{label} is a broken zip archive: get it again") from None

    def __contains__(self, name: str) -> bool:
        return name in self._zip.NameToInfo

    def names(self) -> list[str]:
        """Return the names of all members."""
        return self._zip.namelist()

    def check_size(self) -> None:
        """Raise InputError for a bomb or a locked archive, for libraries that unpack it themselves."""
        total = 0
        for info in self._zip.infolist():
            if info.flag_bits & 1:
                raise InputError(f"{self.label} is protected by a password: save it again without one")
            total += info.file_size
            grown = info.file_size > RATIO_FREE and info.file_size > RATIO_LIMIT * max(1, info.compress_size)
            if grown or total > TOTAL_LIMIT:
                raise InputError(f"{self.label} unpacks to far more than a document has: it is not read")

    def blocks(self, name: str) -> Iterator[bytes]:
        """Yield a member unpacked, each block with the last OVERLAP bytes of the one before, as far as it is whole.

        Unpacks no more than TOTAL_LIMIT.
        """
        held = b""
        try:
            with self._zip.open(name) as stream:
                left = min(self._zip.getinfo(name).file_size, TOTAL_LIMIT)
                while left > 0 and (block := stream.read(min(left, BLOCK_BYTES))):
                    left -= len(block)
                    yield held + block
                    held = (held + block)[-OVERLAP:]
        except MemoryError:
            raise
        except Exception:  # whatever a damaged member makes zipfile raise
            return

    def count(self, name: str, marks: Sequence[re.Pattern[bytes]]) -> list[int]:
        """Return how often each of the marks, which are no longer than OVERLAP bytes, stands in a member."""
        found, repeated = [0] * len(marks), [0] * len(marks)
        for block in self.blocks(name):
            for number, mark in enumerate(marks):
                found[number] += len(mark.findall(block)) - repeated[number]
                repeated[number] = len(mark.findall(block[-OVERLAP:]))
        return found

    def read(self, name: str) -> bytes:
        """Return one member unpacked.

        Raises ValueError for one that is missing or damaged, InputError for a bomb.
        """
        if name not in self:
            raise ValueError(f"{name} is missing")
        info = self._zip.getinfo(name)
        if info.flag_bits & 1:
            raise InputError(f"{self.label} is protected by a password: unpack and pack it again without one")
        # zipfile never unpacks more than the size that the directory declares.
        self._unpacked += info.file_size
        grown = info.file_size > RATIO_FREE and info.file_size > RATIO_LIMIT * max(1, info.compress_size)
        if grown or info.file_size > MEMBER_LIMIT or self._unpacked > TOTAL_LIMIT:
            raise InputError(f"{self.label} unpacks to far more than a book has, like a zip bomb: it is not read")
        try:
            return self._zip.read(info)
        except MemoryError:
            raise
        except Exception as error:
            raise ValueError(f"its data is damaged ({error})") from None
