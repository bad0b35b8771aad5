"""--model auto and what was read before: a model is its hash, and none answers from what another one has read."""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from freqkv_cli.errors import StateError
from freqkv_cli.models import auto_model
from freqkv_cli.models.aliases import ALIASES, KnownModel
from tests.models.tiny_gguf import write_tiny_gguf
from tests.reading.readings import ask_about, read_to, session_of

GIB = 1 << 30
LARGE, SMALL = "qwen2.5-coder-1.5b", "smollm2"


@pytest.fixture
def own(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> str:
    """A folder with a tiny model for each alias; nothing else is known, and there is no network."""
    folder = tmp_path_factory.mktemp("own")
    monkeypatch.setenv("FREQKV_CACHE_DIR", str(folder / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(folder / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for seed, alias in enumerate(ALIASES):
        monkeypatch.setitem(ALIASES, alias, known_as(folder, alias, seed))
    set_memory(monkeypatch, 8)
    return str(folder)


def known_as(folder: Path, alias: str, seed: int) -> KnownModel:
    path = write_tiny_gguf(folder / ALIASES[alias].file, seed=seed)
    content = path.read_bytes()
    return replace(ALIASES[alias], bytes=len(content), sha256=sha256(content).hexdigest())


def set_memory(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    monkeypatch.setattr(auto_model, "choose_device", lambda device: "cpu")
    monkeypatch.setattr(auto_model, "available_memory", lambda device: free * GIB)


def test_one_model_does_not_answer_from_what_another_has_read(
    own: str, book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_by_small = ask_about(book, SMALL, models_dir=own)
    assert read_by_small.reused == 0
    by_large = ask_about(book, "auto", models_dir=own)
    assert any(LARGE in told and "--model" in told for told in by_large.told)
    assert by_large.reused == 0
    assert by_large.report["model"]["revision"] == ALIASES[LARGE].sha256
    assert ask_about(book, "auto", models_dir=own).reused == by_large.report["tokens_read"]
    set_memory(monkeypatch, 1)
    again = ask_about(book, "auto", models_dir=own)
    assert any(SMALL in told for told in again.told)
    assert (again.reused, again.text) == (again.report["tokens_read"], read_by_small.text)


def test_the_same_file_by_another_name_is_the_same_model(own: str, book: Path, tmp_path: Path) -> None:
    ask_about(book, LARGE, models_dir=own)
    copy = tmp_path / "copy.gguf"
    copy.write_bytes((Path(own) / ALIASES[LARGE].file).read_bytes())
    assert ask_about(book, str(copy)).reused > 0
    write_tiny_gguf(copy, seed=9)
    assert ask_about(book, str(copy)).reused == 0


def test_a_state_is_opened_with_its_own_model(own: str, book: Path, tmp_path: Path) -> None:
    state = tmp_path / "a.freqkv"
    read_to(state, book, SMALL, models_dir=own, cache=False)
    opened = ask_about(state, "auto", models_dir=own)
    assert opened.report["model"]["revision"] == ALIASES[SMALL].sha256
    assert not any(LARGE in told for told in opened.told)
    with pytest.raises(StateError, match=f"give --model {SMALL}") as caught:
        ask_about(state, LARGE, models_dir=own)
    assert caught.value.exit_code == 8


def test_a_state_of_an_alias_that_means_another_model_now(
    own: str, book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "a.freqkv"
    read_to(state, book, SMALL, models_dir=own, cache=False)
    monkeypatch.setitem(ALIASES, SMALL, known_as(Path(own), SMALL, seed=9))
    with pytest.raises(StateError, match="that name has another model now, so read the document again"):
        ask_about(state, "auto", models_dir=own)


def test_an_adapter_is_of_one_model(own: str, book: Path) -> None:
    assert session_of(book, LARGE, models_dir=own).loaded.adapter is None
    assert session_of(book, SMALL, models_dir=own).loaded.adapter is None  # by its name it could have one
