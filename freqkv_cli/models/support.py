"""Which models freqkv can read with, and why not the others.

The cache takes keys out of their rotation and puts them back at another slot. That is exact only if every layer
attends to all slots, and rotates the whole head in Llama's layout as the last step before the key is cached.
Read in the modeling files of transformers 5.17 and 5.23; each architecture is tested against the oracle.
"""

from typing import TYPE_CHECKING, Any

from freqkv_cli.errors import ModelError

if TYPE_CHECKING:
    from transformers import PretrainedConfig

SUPPORTED = (
    "apertus",
    "arcee",
    "gemma",
    "granite",
    "llama",
    "mistral",
    "olmo",
    "olmo2",
    "phi3",
    "qwen2",
    "qwen3",
    "seed_oss",
    "starcoder2",
)

ROPE_TYPES = ("default", "linear", "dynamic", "llama3", "yarn", "longrope")

REASONS = {
    "cohere": "it rotates neighbouring channels in pairs",
    "cohere2": "it mixes sliding-window layers with layers without rotary positions",
    "deepseek_v2": "it compresses keys in its own way (MLA)",
    "deepseek_v3": "it compresses keys in its own way (MLA)",
    "ernie4_5": "it rotates neighbouring channels in pairs",
    "gemma2": "it has sliding-window layers",
    "gemma3": "it has sliding-window layers",
    "gemma3_text": "it has sliding-window layers",
    "glm": "it rotates neighbouring channels in pairs",
    "glm4": "it rotates neighbouring channels in pairs",
    "gpt2": "it has no rotary positions (RoPE)",
    "gpt_neox": "it rotates only a part of each head",
    "gpt_oss": "it has sliding-window layers",
    "helium": "it rotates neighbouring channels in pairs",
    "hunyuan_v1_dense": "it normalises keys after rotating them",
    "llama4": "it has layers with chunked attention",
    "llama4_text": "it has layers with chunked attention",
    "olmo3": "it has sliding-window layers",
    "phi": "it rotates only a part of each head",
    "smollm3": "some of its layers have no rotary positions (RoPE)",
    "stablelm": "it rotates only a part of each head",
}


def check_supported(config: "PretrainedConfig") -> None:
    """Raises ModelError, with the reason, if freqkv cannot read with a model of this config."""
    reason = _unsupported(config)
    if reason is not None:
        raise ModelError(
            f"models of type {config.model_type} are not supported: {reason}; "
            f"use a model of type {', '.join(SUPPORTED[:-1])} or {SUPPORTED[-1]}"
        )


def model_window(config: "PretrainedConfig") -> int:
    """The positions that the model was made for: no slot may lie beyond.

    LongRoPE changes all frequencies beyond its original window, which would put keys that are already cached into
    another rotation, so its window is the original one.
    """
    window = int(config.max_position_embeddings)
    rope = _rope(config)
    if rope.get("rope_type") == "longrope":
        return min(window, int(rope["original_max_position_embeddings"]))
    return window


def _unsupported(config: "PretrainedConfig") -> str | None:
    kind = config.model_type
    rope = _rope(config)
    layers = set(getattr(config, "layer_types", None) or ()) - {"full_attention"}
    if getattr(config, "is_encoder_decoder", False):
        return "it is an encoder-decoder"
    if kind not in SUPPORTED:
        return REASONS.get(kind, "its attention has not been checked")
    if layers:
        return f"it has layers with {' and '.join(sorted(layers)).replace('_', ' ')}"
    if getattr(config, "sliding_window", None) is not None:
        return f"its attention has a sliding window of {config.sliding_window} tokens"
    if getattr(config, "use_bidirectional_attention", None):
        return "it attends in both directions"
    if rope.get("rope_type", "default") not in ROPE_TYPES:
        return f"its rotary positions are of the type {rope.get('rope_type')}"
    if rope.get("partial_rotary_factor", 1.0) != 1.0:
        return "it rotates only a part of each head"
    if "mrope_section" in rope:
        return "it has several position axes (M-RoPE)"
    return None


def _rope(config: "PretrainedConfig") -> dict[str, Any]:
    return getattr(config, "rope_parameters", None) or {}
