"""A pipe that may have no end: what comes out of it is waited for, for a while."""

import io
import os
import stat
import sys
import tempfile
import time
from pathlib import Path
from typing import IO

from freqkv_cli.config import Settings
from freqkv_cli.documents.kind import identify
from freqkv_cli.documents.source import SPOOL_BYTES, Source
from freqkv_cli.errors import FreqkvError
from freqkv_cli.following.tail import StreamTail
from freqkv_cli.states.manifest import read_manifest

PATIENCE = 10.0  # seconds in which a pipe that has an end is expected to come to it
LINES = ("text", "markdown", "log", "csv", "jsonl")  # what can be read line by line


def endless_input(stream: IO[bytes], target: Path, settings: Settings) -> StreamTail | None:
    """Return a pipe to be followed into `target`: one that was followed there before, or gives lines without an end.

    Else None: stdin is then what has come, to its end. Where places are named the end is waited for.
    """
    piped = stat.S_ISFIFO(os.fstat(stream.fileno()).st_mode)
    if not piped or any((settings.pages, settings.start, settings.until, settings.kind)):
        return None
    tail = StreamTail(stream)
    if is_followed(target):
        return tail
    spool = tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES)  # noqa: SIM115
    deadline: float | None = time.monotonic() + PATIENCE
    while (block := tail.read(PATIENCE if deadline is None else max(0.0, deadline - time.monotonic()))) is not None:
        spool.write(block)
        if deadline is not None and time.monotonic() >= deadline:
            if spool.tell() and gives_lines(spool, settings.encoding):
                spool.seek(0)
                tail.go_back(spool)
                return tail
            deadline = None if spool.tell() else time.monotonic() + PATIENCE
    spool.seek(0)
    sys.stdin = io.TextIOWrapper(spool)
    return None


def is_followed(target: Path) -> bool:
    """Return whether a state is there of a text that was followed."""
    try:
        return target.exists() and "follow" in read_manifest(target).extra
    except (FreqkvError, OSError):
        return False


def gives_lines(spool: IO[bytes], encoding: str | None) -> bool:
    """Return whether what has come is text."""
    end = spool.seek(0, os.SEEK_END)
    try:
        return identify(Source("stdin", "stdin", None, spool, "", end, None), encoding) in LINES
    except FreqkvError:
        return False
    finally:
        spool.seek(0, os.SEEK_END)
