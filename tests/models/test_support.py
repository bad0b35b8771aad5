"""The list of architectures is explicit; whatever would break the cache's algebra is refused in one line."""

from typing import Any

import pytest
import torch
from transformers import AutoConfig

from freqkv_cli.errors import ModelError
from freqkv_cli.models.support import ROPE_TYPES, SUPPORTED, check_supported, model_window
from tests.tiny_models import ROPES, WINDOW, tiny_config, tiny_model


@pytest.mark.parametrize("architecture", SUPPORTED)
def test_supported(architecture: str) -> None:
    check_supported(tiny_config(architecture))


@pytest.mark.parametrize("rope", ROPES)
def test_rope_types(rope: str) -> None:
    architecture = "phi3" if rope == "longrope" else "llama"
    check_supported(tiny_config(architecture, rope=rope))
    assert set(ROPES) == set(ROPE_TYPES)


@pytest.mark.parametrize(
    ("architecture", "changes", "reason"),
    [
        ("mistral", {"sliding_window": 4096}, "sliding window of 4096"),
        ("qwen2", {"use_sliding_window": True, "sliding_window": 64, "max_window_layers": 1}, "sliding attention"),
        ("phi3", {"sliding_window": 2047}, "sliding window of 2047"),
        ("phi3", {"rope_parameters": {"rope_theta": 1e4, "partial_rotary_factor": 0.75}}, "a part of each head"),
        ("llama", {"rope_parameters": {"rope_theta": 1e4, "mrope_section": [2, 3, 3]}}, "M-RoPE"),
        ("gemma", {"use_bidirectional_attention": True}, "both directions"),
    ],
)
def test_variant_is_refused(architecture: str, changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ModelError, match=reason) as caught:
        check_supported(tiny_config(architecture, **changes))
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("architecture", "reason"),
    [
        ("gemma2", "sliding-window"),
        ("smollm3", "no rotary positions"),
        ("deepseek_v3", "MLA"),
        ("gpt2", "no rotary positions"),
        ("glm4", "neighbouring channels"),
        ("stablelm", "a part of each head"),
        ("t5", "encoder-decoder"),
        ("qwen3_next", "has not been checked"),
        ("mamba", "has not been checked"),
    ],
)
def test_architecture_is_refused(architecture: str, reason: str) -> None:
    with pytest.raises(ModelError, match=reason) as caught:
        check_supported(AutoConfig.for_model(architecture))
    assert f"type {architecture} " in caught.value.message
    assert "llama" in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("architecture", "rope", "window"),
    [("llama", "default", WINDOW), ("llama", "yarn", WINDOW), ("phi3", "longrope", 128)],
)
def test_window(architecture: str, rope: str, window: int) -> None:
    assert model_window(tiny_config(architecture, rope=rope)) == window


def test_longrope_keeps_its_frequencies_within_the_window() -> None:
    model = tiny_model("phi3", rope="longrope", layers=1)
    rotary, window = model.model.rotary_emb, model_window(model.config)
    like = torch.empty(1)
    first = rotary(like, torch.arange(10)[None])[0]
    assert torch.equal(rotary(like, torch.arange(window)[None])[0][:, :10], first)
    assert not torch.equal(rotary(like, torch.arange(window + 1)[None])[0][:, :10], first)
