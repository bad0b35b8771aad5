"""Files that clients have sent: kept in a private folder, until it is full or the server ends."""

import base64
import binascii
import hashlib
import re
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from freqkv_cli.errors import InputError, UsageError
from freqkv_cli.serving.chat_completions import AttachedFile

KEPT = 10  # times the limit of one file that all may take; the oldest go
LONGEST_NAME = 100


class NoFileError(UsageError):
    """There is no file of that id."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file: `id` goes by name and content, so one that is sent again is the same."""

    id: str
    path: Path
    byte_count: int
    created: int = field(default_factory=lambda: int(time.time()))

    def as_json(self) -> dict[str, Any]:
        """Return it as OpenAI's interface has it."""
        told = {"id": self.id, "object": "file", "bytes": self.byte_count, "created_at": self.created}
        return {**told, "filename": self.path.name, "purpose": "user_data"}


class Uploads:
    """Files by their ids; `limit` is the bytes of one. Close it to delete them."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._made = tempfile.TemporaryDirectory(prefix="freqkv-")  # this user's alone
        self.folder = Path(self._made.name).resolve()
        self._files: dict[str, Upload] = {}

    def add(self, name: str, data: bytes) -> Upload:
        """Keep a file. Raises InputError where it is too large, or empty."""
        name = re.sub(r"[^\w. ()+-]", "_", Path(name.replace("\\", "/")).name)[-LONGEST_NAME:].lstrip(".") or "document"
        if len(data) > self.limit:
            raise InputError(f"{name} is larger than {self.limit / 1e6:g} MB: raise --upload-limit")
        if not data:
            raise InputError(f"{name} is empty: send a file with text in it")
        key = "file-" + hashlib.sha256(name.encode() + b"\0" + data).hexdigest()[:24]
        if key not in self._files:
            path = self.folder / key / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
            self._files[key] = Upload(key, path, len(data))
            while sum(one.byte_count for one in self._files.values()) > KEPT * self.limit:
                self.remove(next(iter(self._files)))
        return self._files[key]

    def all(self, attached: Sequence[AttachedFile]) -> list[Upload]:
        """Return the files of a conversation, each once. Raises InputError and UsageError for what cannot be."""
        return list(dict.fromkeys(map(self.of, attached)))

    def of(self, attached: AttachedFile) -> Upload:
        """Return the file of a message."""
        if attached.file_data is not None:
            given = attached.file_data
            given = given.partition(",")[2] if given.startswith("data:") else given
            try:
                return self.add(attached.filename, base64.b64decode(given, validate=True))
            except (binascii.Error, ValueError):
                raise UsageError("file_data is no base64: send data:application/pdf;base64,...") from None
        if attached.file_id is None:
            raise UsageError("a file needs file_data, or the file_id of one that was sent to /v1/files")
        return self.find(attached.file_id)

    def find(self, key: str) -> Upload:
        """Return a file by its id. Raises NoFileError where there is none."""
        if key not in self._files:
            raise NoFileError("there is no file of that id, or not any more: send it again to /v1/files")
        return self._files[key]

    def remove(self, key: str) -> None:
        """Delete a file. Raises NoFileError where there is none."""
        upload = self.find(key)
        upload.path.unlink(missing_ok=True)
        upload.path.parent.rmdir()
        del self._files[key]

    def listed(self) -> list[dict[str, Any]]:
        """Return what there is."""
        return [one.as_json() for one in self._files.values()]

    def plain(self, text: str) -> str:
        """Return a text with files called as their sender called them."""
        return re.sub(re.escape(f"{self.folder}/") + r"file-\w+/", "", text)

    def close(self) -> None:
        """Delete all of them."""
        self._made.cleanup()
