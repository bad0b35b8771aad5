"""Real processes of freqkv, with played tasks."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Literal

ROOT = Path(__file__).parents[2]


def environment(**variables: str) -> dict[str, str]:
    """The environment of a plain user: none of our variables, no colours forced, no config file."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FREQKV_", "FORCE_", "TTY_"))}
    for name in ("NO_COLOR", "COLUMNS", "LINES", "GITHUB_ACTIONS", "PY_COLORS"):
        kept.pop(name, None)
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    settled = {"PYTHONPATH": path, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "FREQKV_CONFIG": os.devnull}
    return {**kept, **settled, **variables}


def command(scene: str, *arguments: str) -> list[str]:
    """The command line of a played freqkv."""
    return [sys.executable, "-m", "tests.commands.fakes", scene, *arguments]


def freqkv(
    scene: str, *arguments: str, stdin: str | None = "", variables: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs it to its end, off a terminal; `stdin` is piped in."""
    return subprocess.run(
        command(scene, *arguments),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=20,
        env=environment(**(variables or {})),
    )


def stopped(
    scene: str,
    mark: str,
    *arguments: str,
    watch: Literal["stdout", "stderr"] = "stderr",
    signum: int = signal.SIGINT,
    stdin: IO[bytes] | int = subprocess.DEVNULL,
) -> tuple[int, str, str]:
    """Starts it, signals it when `mark` shows up on the watched stream, and returns exit code, stdout and stderr."""
    process = subprocess.Popen(
        command(scene, *arguments),
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        start_new_session=True,
    )
    stream = getattr(process, watch)
    early = _until(stream, mark)
    time.sleep(0.2)  # into the sleep that follows the mark
    process.send_signal(signum)
    out, err = process.communicate(timeout=10)
    out, err = (early + out, err) if watch == "stdout" else (out, early + err)
    return process.returncode, out.decode(), err.decode()


def _until(stream: IO[bytes], mark: str) -> bytes:
    read = b""
    while mark.encode() not in read:
        piece = os.read(stream.fileno(), 4096)
        assert piece, f"ended without {mark!r}: {read.decode()}"
        read += piece
    return read
