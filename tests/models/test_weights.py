"""A model read straight from its files is the one that transformers would have loaded, or none."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, PreTrainedModel

from freqkv_cli.models.support import SUPPORTED
from freqkv_cli.models.weights import read_model
from tests.tiny_models import ROPES, tiny_model


def saved(folder: Path, model: PreTrainedModel) -> PreTrainedModel:
    model.save_pretrained(folder)
    return model


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("model_type", SUPPORTED)
def test_it_equals_what_transformers_loads(model_type: str, tied: bool, dtype: torch.dtype, tmp_path: Path) -> None:
    saved(tmp_path, tiny_model(model_type, layers=2, tie_word_embeddings=tied))
    expected = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=dtype)
    actual = read_model(tmp_path, expected.config, dtype=dtype)
    assert actual is not None
    assert not actual.training
    assert actual.generation_config.to_dict() == expected.generation_config.to_dict()
    for name, tensor in (*expected.state_dict().items(), *expected.named_buffers()):
        other = dict((*actual.state_dict().items(), *actual.named_buffers()))[name]
        assert other.dtype == tensor.dtype
        assert torch.equal(other, tensor)
    assert actual.get_memory_footprint() == expected.get_memory_footprint()


@pytest.mark.parametrize("rope", ROPES)
def test_rotary_positions_are_right_in_16_bits(rope: str, tmp_path: Path) -> None:
    saved(tmp_path, tiny_model("llama" if rope != "longrope" else "phi3", rope=rope, layers=2))
    expected = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.bfloat16)
    actual = read_model(tmp_path, expected.config, dtype=torch.bfloat16)
    assert actual is not None
    ids = torch.arange(3, 60)[None]
    with torch.no_grad():
        assert torch.equal(actual(ids).logits, expected(ids).logits)


@pytest.mark.parametrize("damage", ["missing", "unknown", "shape"])
def test_files_that_do_not_match_are_left_to_transformers(damage: str, tmp_path: Path) -> None:
    model = saved(tmp_path, tiny_model("llama", layers=2))
    tensors = load_file(tmp_path / "model.safetensors")
    name = "model.layers.1.mlp.up_proj.weight"
    if damage == "missing":
        del tensors[name]
    else:
        tensors["other" if damage == "unknown" else name] = torch.zeros(3, 3)
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    assert read_model(tmp_path, model.config, dtype=torch.float32) is None


def test_several_files_are_one_model(tmp_path: Path) -> None:
    model = tiny_model("llama", layers=2)
    model.save_pretrained(tmp_path, max_shard_size="50KB")
    assert len(json.loads((tmp_path / "model.safetensors.index.json").read_text())["weight_map"]) > 0
    actual = read_model(tmp_path, model.config, dtype=torch.float32)
    assert actual is not None
    ids = torch.arange(3, 60)[None]
    with torch.no_grad():
        assert torch.equal(actual(ids).logits, model(ids).logits)
