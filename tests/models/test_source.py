"""What a user may call a model, and what is refused."""

from pathlib import Path

import pytest

from freqkv_cli.errors import ModelError
from freqkv_cli.models.loading import load_config, load_model
from freqkv_cli.models.source import ModelSource, resolve_model
from tests.tiny_models import tiny_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model")
    tiny_model("llama", layers=2).save_pretrained(path)
    return path


def test_local_folder(folder: Path) -> None:
    source = resolve_model(str(folder))
    weights = folder / "model.safetensors"
    assert source == ModelSource(str(folder), str(folder), str(folder), None, None, weights.stat().st_size)
    assert load_config(source).model_type == "llama"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("smolm2", "did you mean smollm2"),
        ("nosuch", "unknown model nosuch"),
        ("a/b/c", "unknown model a/b/c"),
        ("./nosuch", "there is no model folder"),
        ("nosuch.gguf", "there is no file"),
    ],
)
def test_unknown_name(name: str, expected: str) -> None:
    with pytest.raises(ModelError, match=expected) as caught:
        resolve_model(name)
    assert "\n" not in caught.value.message


def test_file_that_is_no_model(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(b"x")
    with pytest.raises(ModelError, match=r"not a \.gguf"):
        resolve_model(str(path))


def test_folder_without_config_names_its_gguf(tmp_path: Path) -> None:
    (tmp_path / "a.gguf").touch()
    with pytest.raises(ModelError, match=r"no config\.json; name the file: .*a\.gguf"):
        resolve_model(str(tmp_path))


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    (tmp_path / "pytorch_model.bin").touch()
    with pytest.raises(ModelError, match="no weights in safetensors format"):
        resolve_model(str(tmp_path))


@pytest.mark.parametrize("config", ["{", "[]", '{"model_type": "nosuch"}', "{}"])
def test_broken_config(tmp_path: Path, config: str) -> None:
    (tmp_path / "config.json").write_text(config)
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(ModelError) as caught:
        load_config(resolve_model(str(tmp_path)))
    assert "\n" not in caught.value.message


def test_code_in_a_model_folder_is_not_run(folder: Path, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    (tmp_path / "code.py").write_text(f"open({str(mark)!r}, 'w')\n")
    (tmp_path / "config.json").write_text('{"model_type": "own", "auto_map": {"AutoConfig": "code.Config"}}')
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(ModelError):
        load_config(resolve_model(str(tmp_path)))
    assert not mark.exists()


def test_missing_tensors_are_not_made_up(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    del tensors["model.layers.1.mlp.down_proj.weight"]
    save_file(tensors, tmp_path / "model.safetensors", {"format": "pt"})
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    monkeypatch.setattr("freqkv_cli.models.loading.load_tokenizer", lambda source: None)
    with pytest.raises(ModelError, match=r"1 tensors are missing, among them model\.layers\.1\.mlp"):
        load_model(resolve_model(str(tmp_path)), device="cpu")


@pytest.mark.parametrize("weights", [b"", b"x" * 1000])
def test_broken_weights(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weights: bytes) -> None:
    (tmp_path / "model.safetensors").write_bytes(weights)
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    monkeypatch.setattr("freqkv_cli.models.loading.load_tokenizer", lambda source: None)
    with pytest.raises(ModelError, match=r"the weights of .* cannot be loaded") as caught:
        load_model(resolve_model(str(tmp_path)), device="cpu")
    assert "\n" not in caught.value.message


def test_quantized_loading_on_a_cpu(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("bitsandbytes")
    monkeypatch.setattr("freqkv_cli.models.loading.load_tokenizer", lambda source: None)
    loaded = load_model(resolve_model(str(folder)), device="cpu", quant="4bit")
    assert loaded.quant == "4bit"
    assert type(loaded.model.model.layers[0].mlp.up_proj).__name__ == "Linear4bit"
    assert loaded.weight_bytes < folder.joinpath("model.safetensors").stat().st_size / 3
