"""Start-up: the seconds from the shell's command to the first words, in processes of their own."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from freqkv_cli.config import Settings, flag_name
from freqkv_cli.errors import FreqkvError

PASSED_ON = ("model", "quant", "device", "dtype", "cache_size", "chunk")
TEXT = "The harbour was closed from Monday to Thursday. The reason was a storm.\n" * 10


def measure_start(settings: Settings) -> dict[str, float]:
    """Time `freqkv --help` and `freqkv ask` on a short file, the second time that it runs.

    Raises FreqkvError when a command fails.
    """
    freqkv = [sys.executable, "-m", "freqkv_cli"]
    with tempfile.TemporaryDirectory() as folder:
        short = Path(folder) / "short.txt"
        short.write_text(TEXT, encoding="utf-8")
        ask = [*freqkv, "ask", str(short), "Why was the harbour closed?", "--max-tokens", "4", "--no-cache"]
        ask += flags(settings)
        time_command(ask)
        first, total = time_command(ask)
    _, help_seconds = time_command([*freqkv, "--help"])
    return {"first_token_s": round(first, 2), "total_s": round(total, 2), "help_s": round(help_seconds, 2)}


def flags(settings: Settings) -> list[str]:
    """Return the flags that let another process load the same model in the same way."""
    chosen = {name: getattr(settings, name) for name in PASSED_ON}
    return [part for name, value in chosen.items() if value is not None for part in (flag_name(name), str(value))]


def time_command(command: list[str]) -> tuple[float, float]:
    """Run a command; return the seconds to its first byte on stdout, and to its end."""
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.read(1)
        first = time.perf_counter() - began
        _, errors = process.communicate()
    if process.returncode != 0:
        last = errors.decode(errors="replace").strip().rpartition("\n")[2]
        raise FreqkvError(f"`{' '.join(command[1:4])}` ended with {process.returncode}: {last}")
    return first, time.perf_counter() - began
