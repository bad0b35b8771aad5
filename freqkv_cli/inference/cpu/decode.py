"""A few tokens through a Llama on a CPU, at the speed of its memory.

Writing runs a forward for each token, or for a few where the next ones can be guessed (prompt_lookup.py). The kernels
of kernels.py do that in a fraction of the time of the model's own forward, on the weights of the model as they lie and
into the slots of the cache as they lie: nothing is patched, nothing is held twice.

They keep float32 where a 16-bit model rounds after every step, so their numbers are the model's up to the rounding of
its dtype, and nearer to the exact ones. The first tokens are computed both ways; where the numbers are others, or
depend on which tokens are read together, the ordinary way is kept.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from freqkv_cli.inference.attention import ATTENTION_NAME
from freqkv_cli.kvcache.cache import FreqkvCache
from freqkv_cli.kvcache.layers import FixedLayer
from freqkv_cli.quantized.stored import as_stored

ARCHITECTURES = ("llama", "mistral", "qwen2")  # the ones whose layers are those of kernels.py
MOST = 8  # tokens at once; of more, each costs less the ordinary way
TOLERANCE = {torch.bfloat16: 0.2, torch.float32: 1e-3}  # of logits, to their spread: several times what rounding does

Forward = Callable[[FreqkvCache, Tensor, int], Tensor]


def cpu_decoder(model: Any, cache: FreqkvCache) -> "CpuDecoder | None":
    """Return the quick forward of `model`, the same one at each call; None where only the ordinary one will do."""
    if torch.is_grad_enabled() or model.training or model.config._attn_implementation != ATTENTION_NAME:
        return None
    if not all(isinstance(layer, FixedLayer) and layer.is_initialized for layer in cache.layers):
        return None
    if model not in _KNOWN:
        try:
            _KNOWN[model] = CpuDecoder(model) if _is_known(model) else None
        except (AttributeError, ImportError, RuntimeError):
            # Another release calls the parts of a layer something else; no numba; nowhere to keep what it compiles.
            _KNOWN[model] = None
    quick = _KNOWN[model]
    return None if quick is None or quick.verified is False else quick


def must_compile(model: Any) -> bool:
    """Whether the next few tokens of `model` wait for a compiler: some seconds, once on a machine."""
    if model in _KNOWN or not _is_known(model):
        return False
    try:
        from freqkv_cli.inference.cpu.kernels import run_layer
    except (ImportError, RuntimeError):
        return False
    return not any(Path(run_layer.stats.cache_path).glob("kernels.run_layer-*.nbi"))


class CpuDecoder:
    """The forward of up to MOST tokens. `verified`: its numbers are the ordinary ones; None until that was tried."""

    def __init__(self, model: Any) -> None:
        from freqkv_cli.inference.cpu import kernels  # numba: a third of a second, and a few when it has to compile

        self.verified: bool | None = None
        self._kernels = kernels
        self._embed = model.get_input_embeddings()
        self._rotary = model.base_model.rotary_emb
        self._layers = [_layer_weights(layer) for layer in model.base_model.layers]
        self._norm, self._head = as_stored(model.base_model.norm.weight.float()), model.get_output_embeddings()
        attention = model.base_model.layers[0].self_attn
        self._scaling, self._head_dim = attention.scaling, attention.head_dim
        self._eps = model.config.rms_norm_eps
        blocks = _kind(model.get_output_embeddings()) == "blocks"
        self._tolerance = TOLERANCE[torch.bfloat16 if blocks else model.dtype]  # bytes are no finer than 16-bit floats
        self._heads = attention.q_proj.out_features // self._head_dim
        self._kv_heads = attention.k_proj.out_features // self._head_dim
        self._inner = model.base_model.layers[0].mlp.gate_proj.out_features

    def forward(self, cache: FreqkvCache, ids: Tensor) -> Tensor:
        """Read `ids`, [1, tokens], into `cache` (which has room for them); return the logits of all, [tokens,
        vocabulary], in fp32.
        """
        kernels = self._kernels
        _share_threads()
        start, tokens = cache.length, ids.shape[1]
        hidden = as_stored(self._embed(ids)[0].float())
        places = torch.arange(start, start + tokens)[None]
        cos, sin = (as_stored(table[0].float()) for table in self._rotary(torch.empty(1, 1, 1), position_ids=places))
        scratch = self._scratch(tokens, cache)
        for index, (weights, slots) in enumerate(zip(self._layers, cache.layers, strict=True)):
            keys, values = as_stored(slots.key_slots)[0], as_stored(slots.value_slots)[0]
            kernels.run_layer(hidden, weights, scratch, cos, sin, keys, values, start, self._scaling, self._eps)
            slots.set_length(start + tokens)
            if cache.policy.observation_window:
                queries = torch.from_numpy(scratch.query).to(slots.dtype).transpose(0, 1)[None]
                cache.observe(index, queries, self._scaling)
        logits = np.empty((tokens, self._head.out_features), np.float32)
        kernels.run_head(hidden, self._norm, self._eps, _matrix(self._head), _bias(self._head), scratch.normed, logits)
        return torch.from_numpy(logits)

    def self_check(self, cache: FreqkvCache, ids: Tensor, forward: Forward) -> None:
        """Find out with a token, [1, 1], whether this gives the numbers of `forward` (see Engine), and the same ones
        for tokens that are read together; `cache` stays as it was. It needs room for two tokens.
        """
        observation = cache.observation
        cache.observation = observation.copy()  # taking tokens back would cost it the queries before them
        try:
            two = ids.expand(1, 2)
            expected = forward(cache, two, 2).float()
            cache.rollback(2)
            together = self.forward(cache, two)
            cache.rollback(2)
            apart = torch.cat((self.forward(cache, ids), self.forward(cache, ids)))
            cache.rollback(2)
        finally:
            cache.observation = observation
        error = (together - expected).std() / expected.std()
        self.verified = bool(torch.equal(together, apart) and error < self._tolerance)

    def _scratch(self, tokens: int, cache: FreqkvCache) -> Any:
        weights, kernels = self._layers[0], self._kernels
        heads, kv_heads = self._heads, self._kv_heads
        spans = -(-cache.geometry.cache_size // kernels.SPAN)
        shapes = (
            (tokens, len(weights.attention_norm)),
            (tokens, heads, self._head_dim),
            (tokens, kv_heads, self._head_dim),
            (tokens, kv_heads, self._head_dim),
            (tokens, heads, self._head_dim),
            (tokens, self._inner),
            (kv_heads, spans, tokens * heads // kv_heads, self._head_dim + 2),
        )
        return kernels.Scratch(*(np.empty(shape, np.float32) for shape in shapes))


_KNOWN: WeakKeyDictionary[Any, CpuDecoder | None] = WeakKeyDictionary()


def _is_known(model: Any) -> bool:
    """Whether it is one of the architectures, on a CPU, with ordinary layers: not quantized, nothing around them."""
    return (
        model.config.model_type in ARCHITECTURES
        and model.config.hidden_act == "silu"
        and model.device.type == "cpu"
        and model.dtype in TOLERANCE
        and len({_kind(module) for module in model.modules() if "Linear" in type(module).__name__}) == 1
        and _kind(model.get_output_embeddings()) is not None
        and all(
            layer.mlp.gate_proj.bias is None and layer.self_attn.o_proj.bias is None
            for layer in model.base_model.layers
        )
    )


def _layer_weights(layer: Any) -> Any:
    from freqkv_cli.inference.cpu.kernels import LayerWeights

    attention, mlp = layer.self_attn, layer.mlp
    return LayerWeights(
        attention_norm=as_stored(layer.input_layernorm.weight.float()),
        query=_matrix(attention.q_proj),
        query_bias=_bias(attention.q_proj),
        key=_matrix(attention.k_proj),
        key_bias=_bias(attention.k_proj),
        value=_matrix(attention.v_proj),
        value_bias=_bias(attention.v_proj),
        out=_matrix(attention.o_proj),
        mlp_norm=as_stored(layer.post_attention_layernorm.weight.float()),
        gate=_matrix(mlp.gate_proj),
        up=_matrix(mlp.up_proj),
        down=_matrix(mlp.down_proj),
    )


def _kind(linear: Any) -> str | None:
    """How the kernels know a linear layer; None for one with something around it."""
    if type(linear) is nn.Linear:
        return "stored"
    return "blocks" if type(linear).__name__ == "QuantizedLinear" else None


def _matrix(linear: Any) -> Any:
    if type(linear) is nn.Linear:
        return as_stored(linear.weight)
    from freqkv_cli.inference.cpu.matrices import Blocks

    return Blocks(linear.matrix.kind, linear.matrix.blocks)


def _bias(linear: Any) -> NDArray[Any]:
    return np.empty(0, np.float32) if linear.bias is None else as_stored(linear.bias.float())


def _share_threads() -> None:
    """As many threads as torch has."""
    import numba

    numba.set_num_threads(min(torch.get_num_threads(), numba.config.NUMBA_NUM_THREADS))
