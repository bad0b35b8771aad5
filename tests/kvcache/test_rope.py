"""A slot's rotation is the model's own, and is taken out exactly, attention scaling included."""

import pytest
import torch
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

from freqkv_cli.kvcache.rope import SlotRotation
from tests.tiny_models import HEAD_DIM, ROPES, tiny_model

SLOTS = 100


def rotation_of(rope: str) -> tuple[torch.nn.Module, SlotRotation]:
    rotary = tiny_model("phi3" if rope == "longrope" else "llama", rope=rope, layers=1).base_model.rotary_emb
    return rotary, SlotRotation.from_module(rotary, SLOTS, torch.device("cpu"))


@pytest.mark.parametrize("rope", sorted(ROPES))
def test_rotates_as_the_model_does(rope: str) -> None:
    rotary, rotation = rotation_of(rope)
    keys = torch.randn(1, 2, 30, HEAD_DIM)
    cos, sin = rotary(keys, torch.arange(40, 70)[None])
    _, expected = apply_rotary_pos_emb(keys, keys, cos, sin)
    torch.testing.assert_close(rotation.rotate(keys, 40), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("rope", sorted(ROPES))
def test_unrotate_undoes_rotate(rope: str) -> None:
    _, rotation = rotation_of(rope)
    keys = torch.randn(1, 2, 30, HEAD_DIM)
    torch.testing.assert_close(rotation.unrotate(rotation.rotate(keys, 7), 7), keys, atol=1e-5, rtol=0)
    torch.testing.assert_close(
        rotation.move(rotation.rotate(keys, 60), 60, 3), rotation.rotate(keys, 3), atol=1e-5, rtol=0
    )


def test_yarn_scaling_is_really_there() -> None:
    assert rotation_of("yarn")[1].scale > 1.05  # or the tests above would prove nothing about it
