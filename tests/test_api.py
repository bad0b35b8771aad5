"""freqkv from Python: the example of docs/api.md runs, settings mean what they mean on the command line."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import freqkv_cli
from freqkv_cli.errors import InputError, StateError, UsageError
from freqkv_cli.events import Event, Progress
from freqkv_cli.native_defaults import DEFAULTS
from tests.tiny_folder import save_tiny_model

ROOT = Path(__file__).parents[1]
VOYAGE = "The cook of the ship was called Ambrose Pell. He was born in Hull.\nThe captain was called Silas Crane.\n"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_tiny_model(tmp_path_factory.mktemp("model"), window=4096)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "book.txt").write_text(VOYAGE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FREQKV_CACHE_DIR", str(tmp_path / "cache"))


@pytest.mark.parametrize(("before", "set_now"), [("", True), ("import torch; ", False)])
def test_defaults_of_native_libraries_are_set_unless_torch_is_there_already(before: str, set_now: bool) -> None:
    script = f"import json, os; {before}import freqkv_cli; freqkv_cli.FreqkvError; print(json.dumps(dict(os.environ)))"
    bare = {name: value for name, value in os.environ.items() if name not in DEFAULTS}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, env=bare)
    found = json.loads(done.stdout)
    assert {name: found.get(name) for name in DEFAULTS} == {
        name: value if set_now else None for name, value in DEFAULTS.items()
    }


MANY_SHAPES = """
import freqkv_cli; freqkv_cli.FreqkvError
import psutil, torch
query, before = torch.ones(12, 128, 128).bfloat16(), 0
for slots in range(128, 128 + 2 * 320, 2):
    keys = torch.ones(12, 128, slots).bfloat16()
    (query @ keys) @ keys.transpose(1, 2)
    before = before or (psutil.Process().memory_info().rss if slots == 256 else 0)
print(psutil.Process().memory_info().rss - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="resident memory is told alike on Linux alone")
def test_products_of_ever_new_shapes_take_no_more_memory() -> None:
    """As in a long reading: by default oneDNN keeps compiled code for 1,024 of them (500 MiB here)."""
    bare = {name: value for name, value in os.environ.items() if name not in DEFAULTS}
    done = subprocess.run([sys.executable, "-c", MANY_SHAPES], capture_output=True, text=True, cwd=ROOT, env=bare)
    assert int(done.stdout) < 250 << 20, done.stderr


def test_the_example_of_the_documentation_runs(tiny: str) -> None:
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    # The tiny model in the place of the default one; everything else is as it stands there.
    model = f'model={tiny!r}, max_tokens=8, dtype="float32", '
    script = re.sub(r'((?:read|load|summarize)\("[^"]+")(?:, )?', lambda match: f"{match[1]}, {model}", example)
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8:replace"},
    )
    assert done.returncode == 0, done.stderr
    numbers = [line.split(" ")[0] for line in done.stdout.splitlines() if line.startswith(("1 ", "2 "))]
    assert numbers == ["1", "2"]
    assert Path("book.freqkv").stat().st_size > 100_000


def test_importing_it_is_light() -> None:
    script = (
        "import freqkv_cli, sys; print(freqkv_cli.__version__, sorted({'torch', 'transformers'} & set(sys.modules)))"
    )
    run = [sys.executable, "-c", script]
    done = subprocess.run(run, capture_output=True, text=True, timeout=60, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.stdout == f"{freqkv_cli.__version__} []\n"


def test_what_was_saved_answers_as_what_was_read(tiny: str) -> None:
    events: list[Event] = []
    with freqkv_cli.read(
        "book.txt", on_event=events.append, model=tiny, max_tokens="8", cache=False, cache_size="2K"
    ) as book:
        assert any(isinstance(event, Progress) and event.phase == "reading" for event in events)
        asked = book.ask("What was the cook called?")
        assert asked.passages[0].text == VOYAGE.strip()
        assert asked.passages[0].place == "lines 1-2"
        assert isinstance(asked.found, bool)
        *_, last = book.stream("What was the cook called?")
        assert isinstance(last, freqkv_cli.Answered)
        assert last.report["text"] == asked.text
        book.save("book.freqkv")
    with freqkv_cli.load("book.freqkv", model=tiny, max_tokens=8) as book:
        assert book.ask("What was the cook called?").text == asked.text
        assert book.warnings == []  # those of answers are not kept with what was read
    assert not Path("cache", "states").exists()


def test_what_cannot_be_is_an_error_of_ours(tiny: str) -> None:
    Path("other.txt").write_text("no state")
    with pytest.raises(UsageError, match="there is no setting modell"):
        freqkv_cli.read("book.txt", modell=tiny)
    with pytest.raises(UsageError, match="cache_size must be a whole number"):
        freqkv_cli.read("book.txt", model=tiny, cache_size="large")
    with pytest.raises(UsageError, match="name at least one"):
        freqkv_cli.read(model=tiny)
    with pytest.raises(InputError, match=r"missing\.txt"):
        freqkv_cli.read("missing.txt", model=tiny)
    with pytest.raises(StateError, match="is no state of freqkv"):
        freqkv_cli.load("other.txt", model=tiny)
    with (
        freqkv_cli.read("book.txt", model=tiny, max_tokens=2) as book,
        pytest.raises(UsageError, match="exists and is not a state"),
    ):
        book.save("other.txt")
    assert Path("other.txt").read_text() == "no state"
    with pytest.raises(AttributeError, match="nothing"):
        freqkv_cli.nothing  # noqa: B018
