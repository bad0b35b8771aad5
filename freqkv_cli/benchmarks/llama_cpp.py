"""llama.cpp as a backend: the npm package node-llama-cpp in a process of its own, driven over lines of JSON."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from freqkv_cli.benchmarks.backends import Writing
from freqkv_cli.errors import FreqkvError, UsageError

PACKAGE = "node-llama-cpp"
PIECE = 2048  # tokens per request: four of its batches
BATCH = 512
INSTALL = f"`npm install {PACKAGE}` in the current folder, or name a node_modules folder that has it in NODE_PATH"
SCRIPT = Path(__file__).with_name("llama_cpp.mjs")


class LlamaCpp:
    """Reads a GGUF with `threads` threads; when its context is full, it drops the older half (context shift).

    `settings` is what llama.cpp says of itself. Raises UsageError if it is not installed, FreqkvError if it fails.
    """

    limit: int | None = None

    name = "llama.cpp"

    def __init__(self, gguf: Path, *, context: int, threads: int, slot_bytes: int) -> None:
        self._slot_bytes = slot_bytes
        self._length = 0
        options = {"threads": threads, "context": context, "batch": BATCH, "flashAttention": True}
        command = [find_node(), str(SCRIPT), str(find_package()), str(gguf), json.dumps(options)]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,  # Ctrl-C is for us: it ends when its stdin does
        )
        self.pid = self._process.pid
        self.settings = self._receive()

    def clear(self) -> None:
        """Forget everything."""
        self._ask("clear")
        self._length = 0

    def read(self, ids: Sequence[int]) -> Iterator[tuple[int, float]]:
        """Prefill; seconds are measured on the other side, see Backend.read."""
        for start in range(0, len(ids), PIECE):
            piece = ids[start : start + PIECE]
            reply = self._ask("read", tokens=list(piece))
            self._length = int(reply["length"])
            yield len(piece), float(reply["seconds"])

    def write(self, request: Sequence[int], count: int) -> Writing:
        """Answer, and take the answer back; see Backend.write."""
        reply = self._ask("write", tokens=list(request), count=count)
        return Writing(reply["first_token"], reply["following"], reply["tokens"])

    def slots(self) -> int:
        """Tokens in its context."""
        return self._length

    def cache_bytes(self) -> int:
        """Bytes of the context's keys and values, calculated: 16 bits each, its default."""
        return self._slot_bytes * int(self.settings["context"])

    def compression_seconds(self) -> float:
        """Its context shift is not told apart."""
        return 0.0

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()

    def _ask(self, action: str, **fields: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": action, **fields}) + "\n")
        self._process.stdin.flush()
        return self._receive()

    def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise FreqkvError(
                f"llama.cpp ended ({self._process.wait()}): try its package alone, or reinstall: {INSTALL}"
            )
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            raise FreqkvError(f"llama.cpp failed: {reply['error']}")
        return reply


def find_node() -> str:
    """Return the path of Node.js. Raises UsageError when there is none."""
    node = shutil.which("node")
    if node is None:
        raise UsageError(f"--against llama.cpp needs Node.js (nodejs.org) and its package {PACKAGE}: {INSTALL}")
    return node


def find_package() -> Path:
    """Return the folder of node-llama-cpp: in NODE_PATH or below the current folder. Raises UsageError without it."""
    roots = [Path(root) for root in os.environ.get("NODE_PATH", "").split(os.pathsep) if root]
    for root in (*roots, Path("node_modules")):
        if (root / PACKAGE / "dist" / "index.js").is_file():
            return (root / PACKAGE).absolute()
    raise UsageError(f"--against llama.cpp: {PACKAGE} is not installed here: {INSTALL}")
