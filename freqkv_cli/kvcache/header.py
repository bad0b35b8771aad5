"""The head of a state file, read without torch: what kind of file it is, and what it says of itself.

A state is a safetensors file with one entry of metadata, `freqkv`, whose text is a JSON object: the manifest.
"""

import json
from pathlib import Path

from freqkv_cli.errors import StateError

ENTRY = "freqkv"
MAGIC = b'{"__metadata__":{"freqkv":"'  # behind the eight bytes of the header's length
LENGTH_BYTES = 8
LONGEST = 16 << 20  # bytes of a header; that of a book is some 20 kB


def is_state(head: bytes) -> bool:
    """Whether a file that begins with `head` is meant to be a state."""
    return head[LENGTH_BYTES:].startswith(MAGIC)


def read_head(path: Path) -> str:
    """Return the manifest of a state file, as JSON. Raises StateError where there is none, OSError."""
    with path.open("rb") as file:
        start = file.read(LENGTH_BYTES + len(MAGIC))
        if not is_state(start):
            raise StateError(f"{path} is not a state of freqkv: make one with freqkv read DOCUMENT -o {path.name}")
        length = int.from_bytes(start[:LENGTH_BYTES], "little")
        if not len(MAGIC) <= length <= LONGEST:
            raise damaged(path, "its head has an impossible length")
        text = MAGIC + file.read(length - len(MAGIC))
    if len(text) < length:
        raise damaged(path, "it ends in the middle of its head")
    try:
        return str(json.loads(text)["__metadata__"][ENTRY])
    except (ValueError, RecursionError, KeyError, TypeError):
        raise damaged(path, "its head cannot be read") from None


def damaged(path: Path, why: str) -> StateError:
    """Return the one line for a state file that cannot be used."""
    return StateError(f"the state {path} is damaged ({why}): read the document again")
