"""The list of architectures is explicit; whatever would break the cache's algebra is refused in one line."""

from typing import Any

import pytest
from transformers import AutoConfig

from freqkv_cli.errors import ModelError
from freqkv_cli.models.support import SUPPORTED, check_supported, model_window
from tests.tiny_models import ROPES, WINDOW, tiny_config


@pytest.mark.parametrize("architecture", SUPPORTED)
@pytest.mark.parametrize("rope", ROPES)
def test_supported(architecture: str, rope: str) -> None:
    check_supported(tiny_config(architecture, rope=rope))


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


@pytest.mark.parametrize(("rope", "window"), [("default", WINDOW), ("yarn", WINDOW), ("longrope", 128)])
def test_window(rope: str, window: int) -> None:
    assert model_window(tiny_config("phi3", rope=rope)) == window
