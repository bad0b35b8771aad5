"""The limits of a device: how fast it copies, and how fast it multiplies in the dtype of the model."""

from typing import Any

import torch
from torch.utils.benchmark import Timer

from freqkv_cli.models.memory import kv_shape, slot_bytes


def measure_limits(model: Any, copied: int, square: int) -> dict[str, Any]:
    """Return bytes per second of a copy of `copied` bytes (read and written), and operations per second of a product
    of two matrices of `square` rows and columns.
    """
    device, dtype = model.device, model.dtype
    source = torch.ones(copied, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    copy = seconds_of("target.copy_(source)", source=source, target=target)
    left, right = (torch.ones(square, square, dtype=dtype, device=device) for _ in range(2))
    product = seconds_of("left @ right", left=left, right=right)
    return {
        "copy_bytes_per_second": round(2 * copied / copy),
        "matmul_operations_per_second": round(2 * square**3 / product),
        "dtype": str(dtype).removeprefix("torch."),
    }


def seconds_of(work: str, **operands: torch.Tensor) -> float:
    """Return the median seconds of a statement on the device of its operands, which is waited for."""
    median: float = Timer(work, globals=operands, num_threads=torch.get_num_threads()).blocked_autorange().median
    return median


def bytes_per_written_token(model: Any, slots: int) -> int:
    """Return the bytes that one token of an answer must read: all weights but the input's, and the slots in use."""
    embedding, head = model.get_input_embeddings().weight, model.get_output_embeddings().weight
    weights: int = model.get_memory_footprint(return_buffers=False)
    if embedding is not head:
        weights -= embedding.numel() * embedding.element_size()
    return weights + slots * slot_bytes(model.config, str(model.dtype).removeprefix("torch."))


def operations_per_read_token(model: Any, slots: int) -> int:
    """Return the operations of reading one token that sees `slots` slots; the output layer is left out."""
    config = model.config
    layers, kv_heads, channels = kv_shape(config)
    attended, shared = config.num_attention_heads * channels, kv_heads * channels
    linear = config.hidden_size * (2 * attended + 2 * shared + 3 * config.intermediate_size)
    return int(layers * (2 * linear + 4 * attended * slots))
