"""freqkv cache and freqkv read: what is kept can be listed, shown and removed; a stopped reading goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from freqkv_cli.answering.ask import ask
from freqkv_cli.config import Settings
from freqkv_cli.documents import open_documents
from freqkv_cli.errors import UsageError
from freqkv_cli.states.state_cache import states_folder
from tests.commands.processes import ROOT, environment
from tests.models.tiny_gguf import write_tiny_gguf

Freqkv = Callable[..., Result]


@pytest.fixture(autouse=True)
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FREQKV_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def books(tmp_path: Path) -> list[Path]:
    """Two texts that have been read, the second one last."""
    model = str(write_tiny_gguf(tmp_path / "tiny.gguf"))
    books = []
    for number, name in enumerate(("one.txt", "two.txt")):
        books.append(tmp_path / name)
        books[-1].write_text(f"Text {number} of many words. " * 60)
        list(ask(open_documents([str(books[-1])]), "Which?", Settings(model=model, max_tokens=1, recall=0)))
        for path in states_folder().glob("*.freqkv"):
            os.utime(path, (time.time() - 50, path.stat().st_mtime - 50))
    return books


def test_nothing_is_kept_at_first(freqkv: Freqkv) -> None:
    assert freqkv("cache", "list").stdout.splitlines() == ["ID  DOCUMENTS  TOKENS  READ ON  SIZE  STATE"]
    listed = json.loads(freqkv("cache", "list", "--json").stdout)
    assert (listed["bytes"], listed["states"]) == (0, [])


def test_states_are_listed_with_what_they_hold(freqkv: Freqkv, books: list[Path]) -> None:
    lines = freqkv("cache", "list").stdout.splitlines()
    assert len(lines) == 3
    assert "two.txt" in lines[1]
    assert "one.txt" in lines[2]
    assert lines[1].endswith("ready")
    listed = json.loads(freqkv("cache", "list", "--json").stdout)
    assert listed["schema_version"] == 1
    assert listed["bytes"] == sum(path.stat().st_size for path in states_folder().iterdir())
    first = listed["states"][0]
    assert first["manifest"]["documents"][0]["name"] == str(books[1])
    assert first["id"] == Path(first["path"]).name[:8]


def test_one_state_is_shown(freqkv: Freqkv, books: list[Path]) -> None:
    shown = freqkv("cache", "show", str(books[0])).stdout
    assert "tiny.gguf" in shown
    assert str(books[0]) in shown
    about = json.loads(freqkv("cache", "show", str(books[0]), "--json").stdout)["states"]
    assert [one["manifest"]["documents"][0]["name"] for one in about] == [str(books[0])]


def test_states_are_removed_by_name_or_all(freqkv: Freqkv, books: list[Path]) -> None:
    refused = freqkv("cache", "rm", str(books[0]))
    assert isinstance(refused.exception, UsageError)
    assert "--yes" in refused.exception.message
    done = freqkv("cache", "rm", str(books[0]), "--yes")
    assert "removed 1 state" in done.stderr
    assert len(list(states_folder().iterdir())) == 1
    assert isinstance(freqkv("cache", "rm").exception, UsageError)
    assert isinstance(freqkv("cache", "rm", "nothing", "--yes").exception, UsageError)
    freqkv("cache", "rm", "--all", "--yes")
    assert list(states_folder().iterdir()) == []


def test_prune_keeps_to_the_limit(freqkv: Freqkv, books: list[Path]) -> None:
    assert "removed 0 states" in freqkv("cache", "prune").stderr
    assert "removed 2 states" in freqkv("cache", "prune", "--states-limit", "0").stderr
    assert list(states_folder().iterdir()) == []


def test_a_damaged_file_is_listed_as_such(freqkv: Freqkv, books: list[Path]) -> None:
    path = next(states_folder().iterdir())
    path.write_bytes(path.read_bytes()[:50])
    listed = json.loads(freqkv("cache", "list", "--json").stdout)["states"]
    assert sorted(one["state"] == "ready" for one in listed) == [False, True]
    assert any("damaged" in one["state"] for one in listed)


def test_listing_loads_no_torch(books: list[Path]) -> None:
    script = (
        "import sys; from freqkv_cli.commands.app import app; app(standalone_mode=False); print('torch' in sys.modules)"
    )
    command = [sys.executable, "-c", script, "cache", "list"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert "two.txt" in done.stdout
    assert done.stdout.splitlines()[-1] == "False"


def test_a_terminated_reading_goes_on(tmp_path: Path, cache_folder: Path) -> None:
    model = str(write_tiny_gguf(tmp_path / "tiny.gguf"))
    book = tmp_path / "book.txt"
    book.write_text("".join(f"Line {number} of a long story.\n" for number in range(120)))
    command = [sys.executable, "-m", "freqkv_cli", "read", str(book), "-o", str(tmp_path / "book.freqkv")]
    command += ["--model", model, "--chunk", "2"]
    variables = environment(FREQKV_CACHE_DIR=str(cache_folder), OMP_NUM_THREADS="1")
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=variables)
    assert process.stderr is not None
    for line in process.stderr:
        if " tokens, slots " in line and " 0 tokens," not in line:  # it has begun
            break
    process.send_signal(signal.SIGTERM)
    rest = process.stderr.read()
    assert process.wait(timeout=20) == 143
    assert "stopped at token" in rest
    assert not (tmp_path / "book.freqkv").exists()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=variables, check=True)
    assert "resumed at token" in done.stderr
    assert "0 dropped" in done.stderr
    assert (tmp_path / "book.freqkv").stat().st_size > 100_000
