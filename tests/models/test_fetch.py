"""The GGUF of a known model: from every source, whole or not at all, and nothing that was fetched is lost."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

from freqkv_cli.errors import MemoryLimitError, ModelError
from freqkv_cli.events import Event, Note, Progress
from freqkv_cli.models import conversion, store
from freqkv_cli.models.aliases import ALIASES
from freqkv_cli.models.gguf_parts import keep_whole_parts
from freqkv_cli.models.source import resolve_model
from freqkv_cli.models.wheel import UnreachableError
from tests.models.fake_hub import Hub, serving
from tests.models.preparing import GGUF, PIECES, asked, stand_in, wheel

ROOT = Path(__file__).parents[2]
ADDRESS = "/{repo_id}/resolve/{revision}/{filename}"


@pytest.fixture
def unfinished(cache: Path) -> Path:
    """Where the GGUF is as long as it is not ready."""
    return store.unfinished(stand_in().entry) / "model.gguf"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The GGUF, somewhere below a folder of the user's."""
    path = tmp_path / "own" / "publisher" / stand_in().file
    path.parent.mkdir(parents=True)
    path.write_bytes(GGUF)
    path.chmod(0o600)
    return path


def warnings(events: list[Event]) -> list[str]:
    return [event.message for event in events if isinstance(event, Note) and event.warning]


def test_parts_are_put_together_once(pip: Path, cache: Path) -> None:
    events: list[Event] = []
    first = resolve_model("smollm2", notify=events.append)
    assert first.gguf_file is not None
    assert Path(first.gguf_file).read_bytes() == GGUF
    assert first.revision == stand_in().sha256
    assert first.folder == str(cache / "models" / stand_in().entry)
    assert sorted(asked(pip)) == [1, 2, 3]
    assert resolve_model("smollm2") == first
    assert len(asked(pip)) == 3
    assert [path.name for path in (cache / "models").iterdir() if path.is_dir()] == [stand_in().entry]


def test_what_it_is_comes_first_then_one_progress(pip: Path) -> None:
    events: list[Event] = []
    resolve_model("smollm2", notify=events.append)
    told = events[0]
    assert isinstance(told, Note)
    assert told.wanted
    assert all(word in told.message for word in ("smollm2", "SmolLM2-135M-Instruct", "0 MiB", "Apache-2.0"))
    shown = [event for event in events if isinstance(event, Progress) and event.tokens_total]
    assert {(event.source, event.tokens_total) for event in shown} == {("smollm2 (download)", len(GGUF))}
    done = [event.tokens_done for event in shown]
    assert done == sorted(done)
    assert (done[-1], shown[-1].eta_seconds) == (len(GGUF), 0)


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (
            lambda place: place.write_bytes(wheel({"part2.bin": b"x" * 1000})),
            r"part 2 of 3 of smollm2 \(stand-in-part2==1.0\) is not the expected one",
        ),
        (lambda place: place.write_bytes(wheel({"part2.bin": PIECES[1] + b"x"})), "part 2 of 3 .*not the expected one"),
        (lambda place: place.write_bytes(wheel({"part2.bin": PIECES[1][:-1]})), "part 2 of 3 .*not the expected one"),
        (lambda place: place.write_bytes(wheel({"other.bin": PIECES[1]})), "part 2 of 3 .*is missing"),
        (lambda place: place.write_bytes(b"no zip"), "part 2 of 3 .*is broken"),
        (lambda place: place.unlink(), "part 2 of 3 of smollm2: cannot download stand-in-part2==1.0"),
    ],
)
def test_bad_part_is_named_and_the_others_are_kept(
    pip: Path, unfinished: Path, spoil: Callable[[Path], object], expected: str
) -> None:
    place = pip.parent / "stand-in-part2==1.0"
    good = place.read_bytes()
    spoil(place)
    with pytest.raises(ModelError, match=expected) as caught:
        resolve_model("smollm2")
    assert "\n" not in caught.value.message
    assert caught.value.exit_code == 5
    assert unfinished.read_bytes() == PIECES[0]
    assert [path.name for path in unfinished.parent.iterdir()] == ["model.gguf"]
    place.write_bytes(good)
    (pip.parent / "asked").unlink()
    source = resolve_model("smollm2")
    assert sorted(asked(pip)) == [2, 3]
    assert Path(source.folder, "model.gguf").read_bytes() == GGUF


def test_no_network(pip: Path, unfinished: Path) -> None:
    (pip.parent / "log").write_text("WARNING: connection broken by 'NewConnectionError(...)'\nERROR: No matching\n")
    with pytest.raises(
        UnreachableError, match=r"part 1 of 3 of smollm2: .*no connection to the package index"
    ) as caught:
        resolve_model("smollm2")
    assert caught.value.exit_code == 5
    assert not unfinished.parent.exists()


def test_hash_of_the_whole_is_checked_at_the_end(pip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ALIASES, "smollm2", replace(stand_in(), sha256="0" * 64))
    with pytest.raises(ModelError, match="its SHA-256 differs"):
        resolve_model("smollm2")


@pytest.mark.parametrize(
    ("content", "whole"),
    [
        (b"", 0),
        (GGUF[:999], 0),
        (GGUF[:1000], 1),
        (GGUF[:1900], 1),
        (GGUF[:1500] + b"x" + GGUF[1501:], 1),
        (GGUF[:-1], 2),
        (GGUF, 3),
        (GGUF + b"x", 3),
        (b"x" + GGUF[1:], 0),
    ],
)
def test_what_is_whole_is_kept(tmp_path: Path, content: bytes, whole: int) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    assert keep_whole_parts(stand_in(), path) == whole
    assert path.read_bytes() == b"".join(PIECES[:whole])


def test_conversion_that_fails_does_not_lose_the_gguf(pip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = conversion.convert_gguf

    def fail(gguf: Path, folder: Path) -> None:
        raise MemoryLimitError("too little")

    monkeypatch.setattr(conversion, "convert_gguf", fail)
    with pytest.raises(MemoryLimitError):
        resolve_model("smollm2")
    monkeypatch.setattr(conversion, "convert_gguf", good)
    resolve_model("smollm2", offline=True)
    assert len(asked(pip)) == 3


def test_damaged_model_is_built_again_from_its_own_gguf(pip: Path) -> None:
    folder = Path(resolve_model("smollm2").folder)
    (folder / "config.json").unlink()
    events: list[Event] = []
    resolve_model("smollm2", offline=True, notify=events.append)
    assert "config.json is missing" in warnings(events)[0]
    assert store.damage(folder, thorough=True) is None
    assert len(asked(pip)) == 3


def test_offline_fetches_nothing_and_says_what_to_do(pip: Path, cache: Path) -> None:
    with pytest.raises(ModelError, match=r"--offline is set.*models pull smollm2.*--models-dir") as caught:
        resolve_model("smollm2", offline=True)
    assert caught.value.exit_code == 5
    assert asked(pip) == []
    assert [path for path in (cache / "models").iterdir() if path.is_dir()] == []
    expected = resolve_model("smollm2")
    assert resolve_model("smollm2", offline=True) == expected


def test_file_of_the_users(pip: Path, own: Path, tmp_path: Path) -> None:
    source = resolve_model("smollm2", offline=True, models_dir=str(tmp_path / "own"))
    gguf = Path(source.folder, "model.gguf")
    assert gguf.samefile(own)  # not a copy
    assert own.stat().st_mode & 0o777 == 0o600
    store.remove(stand_in().entry)
    assert own.read_bytes() == GGUF


def test_file_of_the_users_on_another_disk(
    pip: Path, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(source: Path, target: Path) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", link)
    source = resolve_model("smollm2", offline=True, models_dir=str(tmp_path / "own"))
    assert Path(source.folder, "model.gguf").read_bytes() == GGUF
    assert own.read_bytes() == GGUF


@pytest.mark.parametrize(("content", "expected"), [(GGUF[:-1], "cut off"), (b"x" + GGUF[1:], "SHA-256 differs")])
def test_file_of_the_users_that_is_not_it(pip: Path, own: Path, tmp_path: Path, content: bytes, expected: str) -> None:
    own.write_bytes(content)
    events: list[Event] = []
    source = resolve_model("smollm2", models_dir=str(tmp_path / "own"), notify=events.append)
    assert str(own) in warnings(events)[0]
    assert expected in warnings(events)[0]
    assert Path(source.folder, "model.gguf").read_bytes() == GGUF
    assert len(asked(pip)) == 3
    assert own.read_bytes() == content


def test_folder_of_the_users_that_is_not_there(pip: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no folder .*nowhere: --models-dir"):
        resolve_model("smollm2", models_dir=str(tmp_path / "nowhere"))


def test_file_in_the_cache_of_the_hub(pip: Path, tmp_path: Path) -> None:
    blob = tmp_path / "hub" / "models--any--one" / "blobs" / stand_in().sha256
    blob.parent.mkdir(parents=True)
    blob.write_bytes(GGUF)
    source = resolve_model("smollm2", offline=True)
    assert Path(source.folder, "model.gguf").samefile(blob)
    assert asked(pip) == []


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub that has the file of the stand-in."""
    model = stand_in()
    hub = Hub(f"/{model.repository}/resolve/main/{model.file}", GGUF, model.sha256)
    with serving(hub) as address:
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", f"{address}{ADDRESS}")
        yield hub


def test_hub(pip: Path, hub: Hub) -> None:
    events: list[Event] = []
    source = resolve_model("smollm2", notify=events.append)
    assert Path(source.folder, "model.gguf").read_bytes() == GGUF
    assert (hub.asked, asked(pip)) == ([0], [])
    shown = [event for event in events if isinstance(event, Progress) and event.tokens_total]
    assert (shown[-1].tokens_done, shown[-1].tokens_total) == (len(GGUF), len(GGUF))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"etag": "another"}, "has another"),
        ({"content": b"x" * len(GGUF)}, None),
        ({"content": GGUF + b"x"}, "more than the file has"),
        ({"path": "/elsewhere"}, "404"),
    ],
)
def test_hub_that_does_not_have_it(pip: Path, hub: Hub, change: dict[str, Any], expected: str | None) -> None:
    for name, value in change.items():
        setattr(hub, name, value)
    events: list[Event] = []
    source = resolve_model("smollm2", notify=events.append)
    assert Path(source.folder, "model.gguf").read_bytes() == GGUF
    assert len(asked(pip)) == 3 - (change.get("content", b"")[:1] == b"G") * 3
    told = [event.message for event in events if isinstance(event, Note)]
    assert expected is None or any(expected in message for message in told)


def test_hub_that_stops_and_goes_on(pip: Path, hub: Hub, unfinished: Path) -> None:
    hub.sent = 1700
    for part in pip.parent.glob("stand-in*"):
        part.unlink()
    with pytest.raises(ModelError, match="part 2 of 3"):
        resolve_model("smollm2")
    assert unfinished.read_bytes() == PIECES[0]
    source = resolve_model("smollm2")
    assert hub.asked == [0, 1000]
    assert Path(source.folder, "model.gguf").read_bytes() == GGUF


def test_hub_that_cannot_be_reached(pip: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", f"http://127.0.0.1:9{ADDRESS}")
    resolve_model("smollm2")
    assert (hub.asked, len(asked(pip))) == ([], 3)


def test_killed_while_fetching(pip: Path, unfinished: Path, tmp_path: Path) -> None:
    (pip.parent / "stand-in-part2==1.0.slow").touch()
    process = _prepare(pip, tmp_path / "events")
    _wait_for(lambda: unfinished.exists() and unfinished.stat().st_size == 1000 and len(asked(pip)) == 2)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert list(unfinished.parent.glob(".download-*"))
    (pip.parent / "stand-in-part2==1.0.slow").unlink()
    (pip.parent / "asked").unlink()
    folder = Path(resolve_model("smollm2").folder)
    assert sorted(asked(pip)) == [2, 3]
    assert store.damage(folder, thorough=True) is None
    assert not unfinished.parent.exists()


def test_killed_while_converting(pip: Path, cache: Path, tmp_path: Path) -> None:
    events = tmp_path / "events"
    process = _prepare(pip, events, "converted")
    _wait_for(lambda: events.exists() and "converted" in events.read_text())
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    folder = Path(resolve_model("smollm2", offline=True).folder)
    assert store.damage(folder, thorough=True) is None
    assert [path for path in (cache / "models").iterdir() if path.is_dir()] == [folder]


def test_two_processes_at_once(pip: Path, cache: Path, tmp_path: Path) -> None:
    events = tmp_path / "events"
    processes = [_prepare(pip, events) for _ in range(2)]
    assert [process.wait(200) for process in processes] == [0, 0]
    steps = events.read_text().split()
    assert steps.count("converted") == 1
    assert steps.count("resolved") == 2
    assert sorted(asked(pip)) == [1, 2, 3]
    assert store.damage(cache / "models" / stand_in().entry, thorough=True) is None


def _prepare(pip: Path, events: Path, pause_at: str = "") -> subprocess.Popen[bytes]:
    python = shutil.which("python3", path=str(Path(sys.prefix) / "bin")) or sys.prefix
    command = [python, "-m", "tests.models.preparing", str(pip), str(events), pause_at]
    return subprocess.Popen(command, cwd=ROOT, env=os.environ, start_new_session=True)


def _wait_for(there: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 200
    while not there():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)
