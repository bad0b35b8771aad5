"""A cache in a file, and back: safetensors, no pickle, every byte covered by a checksum.

Tensors: `keys.I` and `values.I` for layer I, [1, kv_heads, slots in use, head_dim], rotated as they lie in their slots;
where these are bytes, `keys.I.range` and `values.I.range` (eight_bits.py);
`queries.I`, [1, heads, queries, head_dim], where the policy goes by the last ones that were observed;
`text`, [bytes], UTF-8 JSON that the cache knows nothing of. What a file may hold is worked out before anything of it is
loaded, so that a file made by hand cannot make the reader allocate more than a true one.
"""

import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from freqkv_cli.errors import StateError
from freqkv_cli.kvcache.cache import FreqkvCache
from freqkv_cli.kvcache.eight_bits import SLOTS, from_bytes, to_bytes
from freqkv_cli.kvcache.header import ENTRY, damaged

CHECKSUM = "checksum"
DRAFT = ".draft"  # what the folder of an unfinished file ends in
STORED = {"F32", "BF16", "F16"}


@dataclass(frozen=True, slots=True)
class Shape:
    """What a state must hold to go with a model: one tensor of keys and one of values per layer, one of queries where
    there are any, and not more text.
    """

    layers: int
    kv_heads: int
    slots: int
    head_dim: int
    text_bytes: int
    heads: int = 0
    queries: int = 0
    in_bytes: bool = False


def write_state(
    path: Path, cache: FreqkvCache, manifest: Mapping[str, Any], text: str, dtype: torch.dtype | None = None
) -> int:
    """Write a state and return its bytes: the file appears complete or not at all, for the user's eyes only.

    `dtype` is what keys and values are stored in, int8 for a byte each (queries stay as they are then); None leaves
    them as they are. The manifest tells how many `queries` there are. Raises OSError where the disk is full or
    protected.
    """
    in_bytes = dtype == torch.int8
    tensors = {"text": torch.frombuffer(bytearray(text.encode("utf-8")), dtype=torch.uint8)}
    for index, layer in enumerate(cache.layers):
        parts = {"keys": layer.keys, "values": layer.values}
        if manifest.get("queries"):
            parts["queries"] = cache.observation.queries(index)
        for part, stored in parts.items():
            name, rows = f"{part}.{index}", stored.detach().to("cpu")
            if in_bytes and part != "queries":
                tensors[name], tensors[f"{name}.range"] = to_bytes(rows, by_channel=part == "keys")
            else:
                tensors[name] = rows.to(rows.dtype if in_bytes else dtype or rows.dtype).contiguous()
    content = dict(manifest)
    digest = Checksum(content)
    for name in names(len(cache.layers), bool(manifest.get("queries")), in_bytes):
        digest.add(tensors[name])
    content[CHECKSUM] = digest.hexdigest()
    with replacing(path) as draft:
        try:
            save_file(tensors, draft, metadata={ENTRY: json.dumps(content, ensure_ascii=False)})
        except SafetensorError as error:  # which is how it tells of a full disk
            number = re.search(r"os error (\d+)", str(error))
            code = int(number[1]) if number else errno.EIO
            raise OSError(code, os.strerror(code), str(path)) from None
    return path.stat().st_size


def read_state(
    path: Path,
    cache: FreqkvCache,
    manifest: Mapping[str, Any],
    shape: Shape,
    devices: Sequence[torch.device],
    dtype: torch.dtype,
) -> bytes:
    """Fill `cache` from the state with this manifest, layer by layer onto `devices` as `dtype`, and return its text.

    The manifest tells `tokens_seen`, `compressions` and, where it is not too old, `rows_kept`. Raises StateError where
    the file is not of this shape, or has changed by a single bit; the cache is empty then.
    """
    digest = Checksum(manifest)

    def rows(file: Any, name: str, device: torch.device) -> Tensor:
        stored = digest.add(file.get_tensor(name))
        if shape.in_bytes:
            ranges = digest.add(file.get_tensor(f"{name}.range"))
            stored = from_bytes(stored, ranges, by_channel=name.startswith("keys"))
        return stored.to(device, dtype)

    try:
        with safe_open(path, framework="pt") as file:
            check_tensors(path, file, shape)
            text = file.get_tensor("text")
            digest.add(text)
            cache.restore(
                (
                    (rows(file, f"keys.{index}", device), rows(file, f"values.{index}", device))
                    for index, device in enumerate(devices)
                ),
                manifest["tokens_seen"],
                manifest["compressions"],
                manifest.get("rows_kept"),
            )
            for index, device in enumerate(devices if shape.queries else ()):
                queries = digest.add(file.get_tensor(f"queries.{index}")).to(device, dtype, copy=True)
                cache.observation.add(index, queries, shape.slots)
    except SafetensorError as error:
        cache.reset()
        raise damaged(path, str(error)) from None
    if digest.hexdigest() != manifest.get(CHECKSUM):
        cache.reset()
        raise damaged(path, "its content does not match its checksum")
    return text.numpy().tobytes()


def check_tensors(path: Path, file: Any, shape: Shape) -> None:
    """Raise StateError unless an opened state holds exactly the tensors of this shape; none of them is loaded."""
    wanted = names(shape.layers, bool(shape.queries), shape.in_bytes)
    if sorted(file.keys()) != sorted(wanted):
        raise damaged(path, f"it does not hold keys and values of {shape.layers} layers")
    kinds: dict[str, set[str]] = {"rows": set(), "queries": set()}
    for name in wanted:
        piece = file.get_slice(name)
        form, kind = piece.get_shape(), piece.get_dtype()
        if name == "text":
            fits = len(form) == 1 and kind == "U8"
        elif name.endswith(".range"):
            fits = form == range_form(name, shape) and kind == "F32"
        else:
            of_queries = name.startswith("queries")
            slots, heads = (shape.queries, shape.heads) if of_queries else (shape.slots, shape.kv_heads)
            fits = form == [1, heads, slots, shape.head_dim]
            kinds["queries" if of_queries and shape.in_bytes else "rows"].add(kind)
        if not fits:
            raise damaged(path, f"its tensor {name} is {kind} {form}")
        if name == "text" and form[0] > shape.text_bytes:
            raise StateError(f"the state {path} is larger than memory: its text alone has {form[0]:,} bytes")
    for part, allowed in (("rows", {"U8"} if shape.in_bytes else STORED), ("queries", STORED)):
        if len(kinds[part]) > 1 or not kinds[part] <= allowed:
            raise damaged(path, f"its numbers are {', '.join(sorted(kinds[part]))}")


def range_form(name: str, shape: Shape) -> list[int]:
    """Return the form of the least numbers and steps of the keys or values of a layer; see `to_bytes`."""
    if name.startswith("keys"):
        return [2, 1, shape.kv_heads, -(-shape.slots // SLOTS), shape.head_dim]
    return [2, 1, shape.kv_heads, shape.slots, 1]


def names(layers: int, with_queries: bool = False, in_bytes: bool = False) -> list[str]:
    """Return the names of all tensors of a state, in the order in which they are checked."""
    rows = [f"{part}.{index}" for index in range(layers) for part in ("keys", "values")]
    if in_bytes:
        rows = [name for row in rows for name in (row, f"{row}.range")]
    return ["text", *rows, *(f"queries.{index}" for index in range(layers) if with_queries)]


class Checksum:
    """BLAKE2b over a manifest and the tensors of `names`, in that order."""

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        said = {key: value for key, value in manifest.items() if key != CHECKSUM}
        self._hash = hashlib.blake2b(json.dumps(said, sort_keys=True).encode(), digest_size=32)

    def add(self, tensor: Tensor) -> Tensor:
        """Take in one tensor, which is on the CPU and in one piece, and return it."""
        self._hash.update(f"{tensor.dtype} {list(tensor.shape)}".encode())
        self._hash.update(tensor.flatten().view(torch.uint8).numpy().data)
        return tensor

    def hexdigest(self) -> str:
        """Return the checksum of all that was taken in."""
        return self._hash.hexdigest()


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give the name of a draft that takes the place of `path` at the end, synced to the disk, or vanishes.

    It lies in a folder of its own beside `path`, so that all that a killed process leaves can be found by its name.
    """
    folder = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=DRAFT))
    try:
        draft = folder / path.name
        yield draft
        draft.chmod(0o600)
        sync(draft)
        draft.replace(path)
        with suppress(OSError):  # some file systems cannot sync a folder
            sync(path.parent)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sync(path: Path) -> None:
    """Wait until a file or folder is on the disk."""
    handle = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
