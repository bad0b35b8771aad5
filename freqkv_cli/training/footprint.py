"""How much memory a sequence takes while its chunks are kept for the backward pass."""

from typing import TYPE_CHECKING

from freqkv_cli.kvcache.geometry import Geometry
from freqkv_cli.models.memory import DTYPE_BYTES, kv_shape

if TYPE_CHECKING:
    from transformers import PretrainedConfig


def kept_bytes(config: "PretrainedConfig", length: int, geometry: Geometry, dtype: str) -> int:
    """Estimate the bytes that the backward pass of one sequence of `length` tokens needs.

    Per token and layer: 6 hidden rows, queries and attention's output, keys and values, 4 rows of the MLP. Per chunk
    and layer: keys and values of all slots, once as they are and once repeated for every head.
    """
    layers, kv_heads, head_dim = kv_shape(config)
    heads = config.num_attention_heads * head_dim
    keys = kv_heads * head_dim
    rows = length * (6 * config.hidden_size + 4 * heads + 6 * keys + 4 * config.intermediate_size)
    freed = geometry.cache_size - geometry.sink_tokens - geometry.recent_tokens
    chunks = 1 + max(0, length - geometry.cache_size) // max(1, freed - geometry.retained(max(2, freed)))
    slots = chunks * geometry.cache_size * 2 * (heads + 2 * keys)
    return layers * (rows + slots) * DTYPE_BYTES[dtype]
