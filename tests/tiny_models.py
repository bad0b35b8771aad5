"""Tiny random models of every supported architecture, for tests on a CPU without downloads."""

from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, PretrainedConfig, PreTrainedModel

WINDOW = 512
VOCABULARY = 128
HEAD_DIM = 16

ROPES: dict[str, dict[str, Any]] = {
    "default": {"rope_type": "default"},
    "linear": {"rope_type": "linear", "factor": 4.0},
    "llama3": {
        "rope_type": "llama3",
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 128,
    },
    "yarn": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 128},
    "dynamic": {"rope_type": "dynamic", "factor": 4.0},
    "longrope": {
        "rope_type": "longrope",
        "factor": 4.0,
        "original_max_position_embeddings": 128,
        "short_factor": [1.0 + 0.05 * i for i in range(HEAD_DIM // 2)],
        "long_factor": [1.0 + 0.5 * i for i in range(HEAD_DIM // 2)],
    },
}


def tiny_config(model_type: str, *, rope: str = "default", layers: int = 3, **changes: Any) -> PretrainedConfig:
    """A config of this architecture with hidden size 64, 4 heads, 2 key-value heads and a window of 512 positions.

    `rope` names an entry of ROPES; `changes` overrides or adds fields of the config.
    """
    fields: dict[str, Any] = {
        "vocab_size": VOCABULARY,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": layers,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": WINDOW,
        "rope_parameters": {"rope_theta": 10000.0, **ROPES[rope]},
        "sliding_window": None,
        "initializer_range": 0.2,  # sharp enough attention for a wrong key to show in the logits
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "tie_word_embeddings": False,
    }
    plain = AutoConfig.for_model(model_type)
    if hasattr(plain, "head_dim"):
        fields["head_dim"] = HEAD_DIM
    if rope == "longrope" and hasattr(plain, "original_max_position_embeddings"):
        # Phi3 takes it from the config, and puts it over what the rope parameters say.
        fields["original_max_position_embeddings"] = ROPES["longrope"]["original_max_position_embeddings"]
    return AutoConfig.for_model(model_type, **{**fields, **changes})


def tiny_model(
    model_type: str, *, rope: str = "default", layers: int = 3, seed: int = 0, **changes: Any
) -> PreTrainedModel:
    """A float32 model of `tiny_config` with random weights that depend only on `seed`, in eval mode."""
    config = tiny_config(model_type, rope=rope, layers=layers, **changes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
        for name, parameter in model.named_parameters():
            # Weights that start as ones or zeros (norms, biases) would hide an operation that skips them.
            if name.endswith("bias") or "norm" in name:
                torch.nn.init.normal_(parameter, mean=float(parameter.data.mean()), std=0.1)
    return model.eval()
