"""A few tokens through a Llama on a CPU, at the speed of its memory.

Writing runs a forward for each token, or for a few where the next ones can be guessed (lookahead.py). The kernels of
kernels.py do that in a fraction of the time of the model's own forward, on the weights of the model as they lie and
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

ARCHITECTURES = ("llama", "mistral", "qwen2")  # the ones whose layers are those of kernels.py
MOST = 8  # tokens at once; of more, each costs less the ordinary way
TOLERANCE = {torch.bfloat16: 0.2, torch.float32: 1e-3}  # of logits, to their spread: several times what rounding does

Forward = Callable[[FreqkvCache, Tensor, int], Tensor]


def few_tokens(model: Any, cache: FreqkvCache) -> "FewTokens | None":
    """Return the quick forward of `model`, the same one at each call; None where only the ordinary one will do."""
    if torch.is_grad_enabled() or model.training or model.config._attn_implementation != ATTENTION_NAME:
        return None
    if not all(isinstance(layer, FixedLayer) and layer.is_initialized for layer in cache.layers):
        return None
    if model not in _KNOWN:
        try:
            _KNOWN[model] = FewTokens(model) if _is_known(model) else None
        except (AttributeError, ImportError, RuntimeError):
            # Another release calls the parts of a layer something else; no numba; nowhere to keep what it compiles.
            _KNOWN[model] = None
    quick = _KNOWN[model]
    return None if quick is None or quick.sound is False else quick


def must_compile(model: Any) -> bool:
    """Whether the next few tokens of `model` wait for a compiler: some seconds, once on a machine."""
    if model in _KNOWN or not _is_known(model):
        return False
    try:
        from freqkv_cli.inference.kernels import run_layer
    except (ImportError, RuntimeError):
        return False
    return not any(Path(run_layer.stats.cache_path).glob("kernels.run_layer-*.nbi"))


class FewTokens:
    """The forward of up to MOST tokens. `sound`: its numbers are the ordinary ones; None until that has been tried."""

    def __init__(self, model: Any) -> None:
        from freqkv_cli.inference import kernels  # numba: a third of a second, and a few when it has to compile

        self.sound: bool | None = None
        self._kernels = kernels
        self._embed = model.get_input_embeddings()
        self._rotary = model.base_model.rotary_emb
        self._layers = [_layer_weights(layer) for layer in model.base_model.layers]
        self._norm, self._head = _as_stored(model.base_model.norm.weight.float()), model.get_output_embeddings()
        attention = model.base_model.layers[0].self_attn
        self._scaling, self._head_dim = attention.scaling, attention.head_dim
        self._eps = model.config.rms_norm_eps

    def forward(self, cache: FreqkvCache, ids: Tensor) -> Tensor:
        """Read `ids`, [1, tokens], into `cache` (which has room for them); return the logits of all, [tokens,
        vocabulary], in fp32.
        """
        kernels = self._kernels
        _share_threads()
        start, tokens = cache.length, ids.shape[1]
        hidden = _as_stored(self._embed(ids)[0].float())
        places = torch.arange(start, start + tokens)[None]
        cos, sin = (_as_stored(table[0].float()) for table in self._rotary(torch.empty(1, 1, 1), position_ids=places))
        scratch = self._scratch(tokens, cache)
        for index, (weights, slots) in enumerate(zip(self._layers, cache.layers, strict=True)):
            keys, values = _as_stored(slots.key_slots)[0], _as_stored(slots.value_slots)[0]
            kernels.run_layer(hidden, weights, scratch, cos, sin, keys, values, start, self._scaling, self._eps)
            slots.set_length(start + tokens)
            if cache.policy.observation_window:
                queries = torch.from_numpy(scratch.query).to(slots.dtype).transpose(0, 1)[None]
                cache.observe(index, queries, self._scaling)
        kernels.normalize(hidden, self._norm, self._eps, scratch.normed)
        logits = np.empty((tokens, self._head.out_features), np.float32)
        kernels.multiply(_as_stored(self._head.weight), _bias(self._head), scratch.normed, logits, False)
        return torch.from_numpy(logits)

    def rehearse(self, cache: FreqkvCache, ids: Tensor, forward: Forward) -> None:
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
        self.sound = bool(torch.equal(together, apart) and error < TOLERANCE[self._head.weight.dtype])

    def _scratch(self, tokens: int, cache: FreqkvCache) -> Any:
        weights, kernels = self._layers[0], self._kernels
        heads, kv_heads = (len(matrix) // self._head_dim for matrix in (weights.query, weights.key))
        spans = -(-cache.geometry.cache_size // kernels.SPAN)
        shapes = (
            (tokens, len(weights.attention_norm)),
            (tokens, heads, self._head_dim),
            (tokens, kv_heads, self._head_dim),
            (tokens, kv_heads, self._head_dim),
            (tokens, heads, self._head_dim),
            (tokens, len(weights.gate)),
            (kv_heads, spans, tokens * heads // kv_heads, self._head_dim + 2),
        )
        return kernels.Scratch(*(np.empty(shape, np.float32) for shape in shapes))


_KNOWN: WeakKeyDictionary[Any, FewTokens | None] = WeakKeyDictionary()


def _is_known(model: Any) -> bool:
    """Whether it is one of the architectures, on a CPU, with ordinary layers: not quantized, nothing around them."""
    return (
        model.config.model_type in ARCHITECTURES
        and model.config.hidden_act == "silu"
        and model.device.type == "cpu"
        and model.dtype in TOLERANCE
        and all(type(module) is nn.Linear for module in model.modules() if "Linear" in type(module).__name__)
        and all(
            layer.mlp.gate_proj.bias is None and layer.self_attn.o_proj.bias is None
            for layer in model.base_model.layers
        )
    )


def _layer_weights(layer: Any) -> Any:
    from freqkv_cli.inference.kernels import LayerWeights

    attention, mlp = layer.self_attn, layer.mlp
    return LayerWeights(
        attention_norm=_as_stored(layer.input_layernorm.weight.float()),
        query=_as_stored(attention.q_proj.weight),
        query_bias=_bias(attention.q_proj),
        key=_as_stored(attention.k_proj.weight),
        key_bias=_bias(attention.k_proj),
        value=_as_stored(attention.v_proj.weight),
        value_bias=_bias(attention.v_proj),
        out=_as_stored(attention.o_proj.weight),
        mlp_norm=_as_stored(layer.post_attention_layernorm.weight.float()),
        gate=_as_stored(mlp.gate_proj.weight),
        up=_as_stored(mlp.up_proj.weight),
        down=_as_stored(mlp.down_proj.weight),
    )


def _bias(linear: nn.Linear) -> NDArray[Any]:
    return np.empty(0, np.float32) if linear.bias is None else _as_stored(linear.bias.float())


def _as_stored(tensor: Tensor) -> NDArray[Any]:
    """The numbers of a tensor, not copied; those in bfloat16 as uint16."""
    tensor = tensor.detach()
    array: NDArray[Any] = (tensor.view(torch.uint16) if tensor.dtype == torch.bfloat16 else tensor).numpy()
    return array


def _share_threads() -> None:
    """As many threads as torch has."""
    import numba

    numba.set_num_threads(min(torch.get_num_threads(), numba.config.NUMBA_NUM_THREADS))
