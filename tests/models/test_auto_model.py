"""--model auto: the best reader that fits, and on this machine if there is no other way."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from freqkv_cli.errors import ModelError
from freqkv_cli.events import Event, Note
from freqkv_cli.models import auto_model
from freqkv_cli.models.aliases import ALIASES
from freqkv_cli.models.auto_model import HUB_MODELS, choose_model
from freqkv_cli.models.source import resolve_model

GIB = 1 << 30
LARGEST, MIDDLE, SMALLEST = ALIASES


def put(folder: Path, *aliases: str) -> str:
    """Put files of the right name and size into a folder; they take no room."""
    folder.mkdir()
    for alias in aliases:
        with (folder / ALIASES[alias].file).open("wb") as file:
            file.truncate(ALIASES[alias].bytes)
    return str(folder)


def set_memory(monkeypatch: pytest.MonkeyPatch, free: float, device: str = "cpu") -> None:
    monkeypatch.setattr(auto_model, "choose_device", lambda wanted: device)
    monkeypatch.setattr(auto_model, "available_memory", lambda place: int(free * GIB) if place == device else 0)


@pytest.mark.parametrize(
    ("free", "expected"), [(64, LARGEST), (4, LARGEST), (3.9, MIDDLE), (2, MIDDLE), (1.9, SMALLEST), (0, SMALLEST)]
)
def test_the_best_that_fits_on_a_cpu(monkeypatch: pytest.MonkeyPatch, free: float, expected: str) -> None:
    set_memory(monkeypatch, free)
    choice = choose_model()
    assert choice.name == expected
    assert "free on cpu" in choice.reason


def test_offline_the_best_of_those_that_are_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    set_memory(monkeypatch, 64)
    folder = put(tmp_path / "own", MIDDLE, SMALLEST)
    choice = choose_model(offline=True, models_dir=folder)
    assert choice.name == MIDDLE
    assert f"{LARGEST} is not" in choice.reason
    assert choose_model(models_dir=folder).name == LARGEST
    assert choose_model(offline=True).name == LARGEST  # none is here: that one is what should be fetched
    set_memory(monkeypatch, 1)
    assert choose_model(offline=True, models_dir=folder).name == SMALLEST


@pytest.mark.parametrize(
    ("free", "offline", "cached", "answering", "expected"),
    [
        (80, False, [], [0, 1], HUB_MODELS[0].name),
        (80, False, [1], [0, 1], HUB_MODELS[1].name),
        (80, False, [0, 1], [], HUB_MODELS[0].name),
        (16, False, [1], [0, 1], HUB_MODELS[0].name),
        (16, False, [1], [], LARGEST),
        (80, True, [], [0, 1], LARGEST),
        (80, True, [1], [0, 1], HUB_MODELS[1].name),
        (8, False, [0, 1], [0, 1], LARGEST),
    ],
)
def test_gpu(
    monkeypatch: pytest.MonkeyPatch, free: float, offline: bool, cached: list[int], answering: list[int], expected: str
) -> None:
    set_memory(monkeypatch, free, "cuda:0")
    here = [SimpleNamespace(name=HUB_MODELS[index].name, state="ready") for index in cached]
    monkeypatch.setattr(auto_model, "hub_models", lambda: iter(here))
    monkeypatch.setattr(auto_model, "hub_answers", lambda name: name in [HUB_MODELS[index].name for index in answering])
    choice = choose_model(offline=offline)
    assert choice.name == expected
    assert "cuda:0" in choice.reason


def notes(events: list[Event]) -> list[Note]:
    return [event for event in events if isinstance(event, Note)]


def test_one_line_says_what_was_taken(pip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_memory(monkeypatch, 1)
    events: list[Event] = []
    source = resolve_model("auto", notify=events.append)
    assert source == resolve_model(SMALLEST)
    told = notes(events)[0]
    assert told.wanted
    assert told.message.startswith(f"reading with {SMALLEST}: ")
    assert told.message.endswith("--model takes another")


def test_without_a_network_the_one_that_is_here(pip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_model(SMALLEST)
    (pip.parent / "log").write_text("WARNING: connection broken by 'NewConnectionError(...)'\n")
    set_memory(monkeypatch, 64)
    events: list[Event] = []
    assert resolve_model("auto", notify=events.append).name == SMALLEST
    last = notes(events)[-1]
    assert last.warning
    assert "no connection" in last.message
    assert last.message.endswith(f"reading with {SMALLEST}, which is here")


def test_without_a_network_and_with_nothing_here(pip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (pip.parent / "log").write_text("WARNING: connection broken by 'NewConnectionError(...)'\n")
    set_memory(monkeypatch, 64)
    with pytest.raises(ModelError, match=rf"part 1 of 22 of {LARGEST}.*no connection"):
        resolve_model("auto")


def test_hash_of_every_part_and_file() -> None:
    for model in ALIASES.values():
        assert sum(part.bytes for part in model.parts) == model.bytes
        assert len({part.requirement for part in model.parts}) == len(model.parts)
        assert all(len(digest) == 64 for digest in (model.sha256, *(part.sha256 for part in model.parts)))
