"""A reading with an adapter is another reading: to states, to the shelf and to the report."""

from pathlib import Path

import pytest

from freqkv_cli.errors import ModelError, StateError
from freqkv_cli.states.manifest import read_manifest
from freqkv_cli.states.state_cache import list_kept
from tests.reading.readings import ask_about, read_to
from tests.tiny_adapter import save_tiny_adapter


@pytest.fixture
def adapter(tiny: str, tmp_path: Path) -> str:
    return save_tiny_adapter(tiny, tmp_path / "learnt", policy="landmarks", cache_size=256, recent_tokens=32)


def test_report_names_the_adapter_and_the_answer_is_its_own(tiny: str, book: Path, adapter: str) -> None:
    plain = ask_about(book, tiny, cache=False, recall=0, cache_size=256)
    learnt = ask_about(book, tiny, cache=False, recall=0, cache_size=256, adapter=adapter)
    assert (plain.report["model"]["adapter"], learnt.report["model"]["adapter"]) == (None, adapter)
    assert learnt.text != plain.text
    assert learnt.warnings == plain.warnings


def test_cache_other_than_the_adapters_is_warned_of_and_reported(tiny: str, book: Path, adapter: str) -> None:
    run = ask_about(book, tiny, cache=False, adapter=adapter, cache_size=300, policy="window")
    warning = next(warning for warning in run.warnings if "was trained with" in warning)
    assert "--policy landmarks, not window and --cache-size 256, not 300 and --recent-tokens 32, not 38" in warning
    assert warning in run.report["warnings"]


def test_shelf_keeps_readings_with_different_adapters_apart(tiny: str, book: Path, adapter: str) -> None:
    ask_about(book, tiny, cache_size=256)
    assert ask_about(book, tiny, cache_size=256, adapter=adapter).reused == 0
    assert ask_about(book, tiny, cache_size=256, adapter=adapter).reused > 0
    assert ask_about(book, tiny, cache_size=256).reused > 0
    assert len(list_kept()) == 2


def test_state_brings_its_adapter_along(tiny: str, book: Path, adapter: str, tmp_path: Path) -> None:
    state = tmp_path / "s.freqkv"
    read_to(state, book, tiny, cache=False, cache_size=256, adapter=adapter)
    assert read_manifest(state).reader.adapter_folder == adapter
    again = ask_about(state, tiny)
    assert again.report["model"]["adapter"] == adapter
    assert again.text == ask_about(book, tiny, cache=False, cache_size=256, adapter=adapter).text


def test_state_is_not_opened_without_its_adapter(tiny: str, book: Path, adapter: str, tmp_path: Path) -> None:
    state = tmp_path / "s.freqkv"
    read_to(state, book, tiny, cache=False, cache_size=256, adapter=adapter)
    with pytest.raises(StateError, match=f"not with no adapter: give --adapter {adapter}"):
        ask_about(state, tiny, adapter="none")
    other = save_tiny_adapter(tiny, tmp_path / "other", cache_size=256, seed=9)
    with pytest.raises(StateError, match="was read with the adapter"):
        ask_about(state, tiny, adapter=other)


def test_state_without_an_adapter_stays_so(
    tiny: str, book: Path, adapter: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "s.freqkv"
    read_to(state, book, tiny, cache=False, cache_size=256)
    with pytest.raises(StateError, match=r"was read with no adapter.*give --adapter none"):
        ask_about(state, tiny, adapter=adapter)
    wanted: list[str | None] = []
    monkeypatch.setattr("freqkv_cli.reading.plan.find_adapter", lambda setting, *_: wanted.append(setting))
    ask_about(state, tiny)  # even if an adapter has been shipped since
    assert wanted == ["none"]


def test_adapter_that_is_gone_is_an_error(tiny: str, book: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no adapter"):
        ask_about(book, tiny, adapter=str(tmp_path / "gone"))
