"""Models of real shape with random weights: speed and memory of a model that need not be downloaded."""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForCausalLM, PretrainedConfig

from freqkv_cli.errors import UsageError
from freqkv_cli.inference.attention import register_attention

SPREAD = 0.02  # standard deviation of the weights, as models of this family are initialised

LLAMA3_ROPE = {
    "rope_type": "llama3",
    "rope_theta": 500000.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}
# Shapes as their authors publish them; the number of parameters is checked in tests/measurement/test_random_weights.py.
SHAPES: dict[str, dict[str, Any]] = {
    "llama-3.1-8b": {
        "model_type": "llama",
        "vocab_size": 128256,
        "hidden_size": 4096,
        "intermediate_size": 14336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "max_position_embeddings": 131072,
        "rms_norm_eps": 1e-5,
        "rope_parameters": {**LLAMA3_ROPE, "factor": 8.0},
    },
    "llama-3.2-1b": {
        "model_type": "llama",
        "vocab_size": 128256,
        "hidden_size": 2048,
        "intermediate_size": 8192,
        "num_hidden_layers": 16,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "max_position_embeddings": 131072,
        "rms_norm_eps": 1e-5,
        "rope_parameters": {**LLAMA3_ROPE, "factor": 32.0},
        "tie_word_embeddings": True,
    },
    "qwen3-8b": {
        "model_type": "qwen3",
        "vocab_size": 151936,
        "hidden_size": 4096,
        "intermediate_size": 12288,
        "num_hidden_layers": 36,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "max_position_embeddings": 40960,
        "rms_norm_eps": 1e-6,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0},
    },
    "smollm2": {
        "model_type": "llama",
        "vocab_size": 49152,
        "hidden_size": 576,
        "intermediate_size": 1536,
        "num_hidden_layers": 30,
        "num_attention_heads": 9,
        "num_key_value_heads": 3,
        "max_position_embeddings": 8192,
        "rms_norm_eps": 1e-5,
        "rope_parameters": {"rope_type": "default", "rope_theta": 100000.0},
        "tie_word_embeddings": True,
    },
    "tiny": {
        "model_type": "llama",
        "vocab_size": 256,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 2048,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
    },
}


def shape_config(shape: str) -> PretrainedConfig:
    """Return the config of a shape. Raises UsageError when there is none of that name."""
    if shape not in SHAPES:
        raise UsageError(f"--random-weights: there is no shape {shape}; choose one of: {', '.join(SHAPES)}")
    fields = {"tie_word_embeddings": False, **SHAPES[shape]}
    return AutoConfig.for_model(fields.pop("model_type"), **fields)


def build_random(config: PretrainedConfig, *, device: str, dtype: str, quant: str, seed: int = 0) -> Any:
    """Return a model of this config in eval mode: its weights drawn where they stay, never all of them unquantized.

    quant: "none"; "4bit" packs each linear layer but the output as bitsandbytes does (NF4, doubly quantized scales).
    Raises UsageError for anything else.
    """
    if quant not in ("none", "4bit"):
        raise UsageError(f"--random-weights goes with --quant 4bit or none, not {quant}")
    number = getattr(torch, dtype)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, dtype=number, attn_implementation=register_attention())
    generator = torch.Generator(device).manual_seed(seed)
    head = model.get_output_embeddings()
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if quant == "4bit" and isinstance(child, nn.Linear) and child is not head:
                setattr(parent, name, _packed(child, generator, number))
            elif not hasattr(child, "inv_freq"):
                _fill(child, generator, number)
            else:  # its tables are calculated, not stored
                setattr(parent, name, type(child)(config).to(device))
    model.tie_weights()
    return model.eval().requires_grad_(False)


def _fill(module: nn.Module, generator: torch.Generator, dtype: torch.dtype) -> None:
    for name, weight in module.named_parameters(recurse=False):
        setattr(module, name, nn.Parameter(_drawn(weight, generator, dtype), requires_grad=False))


def _drawn(weight: Tensor, generator: torch.Generator, dtype: torch.dtype) -> Tensor:
    """Matrices are random; what has one dimension scales (norms)."""
    empty = torch.empty(weight.shape, dtype=dtype, device=generator.device)
    return empty.normal_(0, SPREAD, generator=generator) if weight.dim() > 1 else empty.fill_(1.0)


def _packed(linear: nn.Linear, generator: torch.Generator, dtype: torch.dtype) -> nn.Module:
    from bitsandbytes.nn import Linear4bit, Params4bit

    with torch.device("meta"):
        layer = Linear4bit(
            linear.in_features, linear.out_features, bias=linear.bias is not None, compute_dtype=dtype, quant_type="nf4"
        )
    drawn = _drawn(linear.weight, generator, dtype)
    weight = Params4bit(drawn, requires_grad=False, quant_type="nf4", compress_statistics=True)
    layer.weight = weight.to(generator.device)
    if linear.bias is not None:
        layer.bias = nn.Parameter(torch.zeros(linear.out_features, dtype=dtype, device=generator.device))
    return layer
