"""A local GGUF file is converted once, exactly, and refused when it is broken."""

import os
from pathlib import Path

import gguf
import pytest
import torch

from freqkv_cli.errors import MemoryLimitError, ModelError
from freqkv_cli.models import conversion, store
from freqkv_cli.models.loading import load_model, load_tokenizer
from freqkv_cli.models.source import resolve_model
from tests.models.tiny_gguf import WIDTH, write_tiny_gguf


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf")


@pytest.fixture(scope="module")
def converted(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("converted")
    conversion.convert_gguf(tiny, folder)
    return folder


def test_weights_and_tokenizer_survive(tiny: Path, converted: Path) -> None:
    loaded = load_model(resolve_model(str(converted)), device="cpu", dtype="float32")
    tensors = {tensor.name: tensor.data for tensor in gguf.GGUFReader(tiny).tensors}
    expected = torch.from_numpy(tensors["blk.1.ffn_down.weight"].copy()).bfloat16().float()
    assert torch.equal(loaded.model.model.layers[1].mlp.down_proj.weight, expected)
    assert (loaded.quant, loaded.dtype, loaded.device) == ("none", "float32", "cpu")
    assert loaded.weight_bytes == sum(tensor.numel() * 4 for tensor in loaded.model.parameters())
    tokenizer = loaded.tokenizer
    assert (tokenizer.bos_token, tokenizer.eos_token) == ("<|im_start|>", "<|im_end|>")
    assert tokenizer.encode("<|im_end|>", add_special_tokens=False) == [2]
    as_text = tokenizer.encode("<|im_end|>", add_special_tokens=False, split_special_tokens=True)
    assert 2 not in as_text
    assert tokenizer.decode(as_text) == "<|im_end|>"
    assert tokenizer.decode(tokenizer.encode("ab é", add_special_tokens=False)) == "ab é"
    message = [{"role": "user", "content": "hi"}]
    assert tokenizer.apply_chat_template(message, tokenize=False) == "<|im_start|>hi<|im_end|>"
    assert loaded.model(torch.tensor([[3, 4]])).logits.shape[:2] == (1, 2)
    assert loaded.model.config.hidden_size == WIDTH


def test_converting_shows_no_bar_and_leaves_the_bars_and_warnings_of_others(
    tiny: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from tqdm.auto import tqdm
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_info()
    try:
        conversion.convert_gguf(tiny, tmp_path)
        load_model(resolve_model(str(tmp_path)), device="cpu", dtype="float32")
        assert capfd.readouterr() == ("", "")
        assert logging.get_verbosity() == logging.INFO
        assert logging.is_progress_bar_enabled()
        list(tqdm(range(2), desc="mine"))
        assert "mine" in capfd.readouterr().err
    finally:
        logging.set_verbosity(before)


def test_plain_tokenizer_is_what_auto_loads(converted: Path) -> None:
    from transformers import AutoTokenizer

    ours, theirs = load_tokenizer(resolve_model(str(converted))), AutoTokenizer.from_pretrained(converted)
    assert type(ours) is type(theirs)
    assert ours.get_vocab() == theirs.get_vocab()
    assert ours.chat_template == theirs.chat_template


def test_converted_once_and_found_again(
    tiny: Path, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def convert(path: Path, folder: Path) -> None:
        (folder / "model.safetensors").write_bytes(path.read_bytes())

    monkeypatch.setattr(conversion, "convert_gguf", convert)
    path = tmp_path / "model.gguf"
    path.write_bytes(tiny.read_bytes())
    first = resolve_model(str(path))
    assert (first.gguf_file, first.bytes) == (str(path), path.stat().st_size)
    monkeypatch.setattr(conversion, "convert_gguf", lambda *_: pytest.fail("converted again"))
    with monkeypatch.context() as patch:
        patch.setattr(store, "sha256", lambda path: pytest.fail("hashed again"))
        assert resolve_model(str(path)) == first
    moved = path.rename(tmp_path / "moved.gguf")
    assert resolve_model(str(moved)).folder == first.folder
    os.utime(moved, ns=(0, 0))
    assert resolve_model(str(moved)).folder == first.folder
    assert store.stored_entries() == [Path(first.folder).name]


@pytest.mark.parametrize("harm", ["empty", "text", "header only", "cut off", "garbage", "bad count"])
def test_broken_file(tiny: Path, tmp_path: Path, cache: Path, harm: str) -> None:
    whole = tiny.read_bytes()
    broken = {
        "empty": b"",
        "text": b"this is not a model\n" * 100,
        "header only": whole[:16],
        "cut off": whole[:-1000],
        "garbage": whole[:4] + bytes(range(256)) * 50,
        "bad count": whole[:8] + (2**40).to_bytes(8, "little") + whole[16:],
    }[harm]
    path = tmp_path / "broken.gguf"
    path.write_bytes(broken)
    with pytest.raises(ModelError, match="GGUF file") as caught:
        resolve_model(str(path))
    assert "\n" not in caught.value.message
    assert store.stored_entries() == []


def test_architecture_that_transformers_does_not_know(tmp_path: Path) -> None:
    path = write_tiny_gguf(tmp_path / "other.gguf", architecture="nosuch")
    with pytest.raises(ModelError, match=r"other\.gguf \(nosuch\) cannot be converted") as caught:
        resolve_model(str(path))
    assert "\n" not in caught.value.message


def test_file_too_large_for_memory(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversion, "available_memory", lambda device: 1000)
    with pytest.raises(MemoryLimitError, match=r"unpacking tiny\.gguf"):
        conversion.convert_gguf(tiny, tmp_path)
