"""The results: the JSON lines of a batch, each appended when it is done, which tell the next run what is left."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from freqkv_cli.batch.jobs import Demand
from freqkv_cli.errors import UsageError

Key = tuple[str, str, str | None]


@dataclass(slots=True)
class Results:
    """The rows of one output file. `status` has that of every row by the id of its document, task and question."""

    file: IO[bytes]
    status: dict[Key, str] = field(default_factory=dict)

    def has(self, name: str, demand: Demand) -> bool:
        """Return whether there is a row for this."""
        return (name, demand.task, demand.question) in self.status

    def add(self, row: dict[str, Any]) -> None:
        """Append a row, on the disk when this returns; one that is there already is not written twice."""
        key = key_of(row)
        if key in self.status:
            return
        self.file.write(json.dumps(row, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
        self.file.flush()
        os.fsync(self.file.fileno())
        self.status[key] = row["status"]


@contextmanager
def open_results(path: Path, *, retry_failed: bool = False) -> Iterator[Results]:
    """Open the output for appending, by this process alone; a last line that was torn by a kill is taken away.

    `retry_failed` takes away the rows of what failed as well. Raises UsageError where the file cannot be written, is
    written by another process, or holds something else.
    """
    import filelock

    if not path.parent.is_dir():
        raise UsageError(f"{path} cannot be written: there is no folder {path.parent}")
    lock = filelock.FileLock(path.with_name(f".{path.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise UsageError(f"another freqkv writes {path}: let it end, or name another file") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}): name another file with -o") from None
    try:
        status = kept_rows(path, retry_failed)
        with path.open("ab") as file:
            yield Results(file, status)
    except (IsADirectoryError, PermissionError) as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}): name another file with -o") from None
    finally:
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


def kept_rows(path: Path, retry_failed: bool) -> dict[Key, str]:
    """Return the status of the rows that stay, and take the others out of the file, in one stroke."""
    if not path.exists():
        return {}
    status: dict[Key, str] = {}
    draft = path.with_name(f".{path.name}.draft")
    with path.open("rb") as old, draft.open("wb") as new:
        for number, line in enumerate(old, 1):
            try:
                row = json.loads(line)
                key, state = key_of(row), row["status"]
            except (ValueError, KeyError, TypeError):
                if not line.endswith(b"\n"):
                    break  # torn by a kill
                draft.unlink()
                raise UsageError(f"line {number} of {path} is no row of a batch: name another file with -o") from None
            if key in status or (retry_failed and state != "ok"):
                continue
            new.write(line if line.endswith(b"\n") else line + b"\n")
            status[key] = state
        new.flush()
        os.fsync(new.fileno())
        same = new.tell() == os.fstat(old.fileno()).st_size
    draft.unlink() if same else draft.replace(path)
    return status


def key_of(row: dict[str, Any]) -> Key:
    """Return what tells one row from all others."""
    return row["id"], row["task"], row.get("question")
