"""One token through a Llama in fewer kernels: the numbers of transformers' forward, bit for bit.

Writing runs a forward for each token, and on a CPU a small model spends a good part of it between its matrix products.
Here query, key and value are one product, gate and up are one, and queries and keys are rotated together. Nothing is
patched: the model's modules keep their weights, as slices of longer matrices, and reading goes through them as ever.
The first token is computed both ways; where a bit differs, the ordinary way is kept.

In bfloat16 "the ordinary numbers" are those of a forward of several tokens: so the tokens of an answer do not depend on
which of them were guessed (inference/lookahead.py).
"""

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, rms_norm

from freqkv_cli.inference.attention import ATTENTION_NAME, chunk_attention, observed_by
from freqkv_cli.kvcache.cache import FreqkvCache

ARCHITECTURES = ("llama", "mistral", "qwen2")  # the ones whose layers are those below

ONE_BLOCK = 1024  # so many products are added up in one go, however many rows there are (oneDNN with AVX-512)


def one_token(model: Any) -> "OneToken | None":
    """Return the quick forward of `model`, the same one at each call; None where only the ordinary one will do."""
    if torch.is_grad_enabled() or model.training or model.config._attn_implementation != ATTENTION_NAME:
        return None
    if model not in _KNOWN:
        try:
            _KNOWN[model] = OneToken(model) if _is_known(model) else None
        except AttributeError:  # another release of transformers calls the parts of a layer something else
            _KNOWN[model] = None
    quick = _KNOWN[model]
    return None if quick is None or quick.equal is False else quick


class OneToken:
    """The forward of one token. `equal` says whether it gives the ordinary logits; None until that has been tried."""

    def __init__(self, model: Any) -> None:
        self.equal: bool | None = None
        self._base = model.base_model
        self._head = model.get_output_embeddings()
        self._layers = [_Layer(layer) for layer in self._base.layers]

    def forward(self, cache: FreqkvCache, token: Tensor) -> Tensor:
        """Read `token`, [1, 1], into `cache` (which has room for it); return its logits, [1, vocabulary]."""
        hidden = self._base.embed_tokens(token)[0]
        cos, sin = self._base.rotary_emb(hidden, position_ids=torch.full((1, 1), cache.length))
        half = cos.shape[-1] // 2
        turn = torch.cat((-sin[0, :, :half], sin[0, :, half:]), dim=-1)  # a half that changes places has its sign here
        for layer in self._layers:
            hidden = layer.forward(cache, hidden, cos[0], turn)
        logits: Tensor = _product(self._base.norm(hidden), self._head.weight, self._head.bias)
        return logits

    def rehearse(
        self, cache: FreqkvCache, token: Tensor, forward: Callable[[FreqkvCache, Tensor, int], Tensor]
    ) -> None:
        """Find out whether this gives the numbers of `forward` (see Engine); cache and observer stay as they were."""
        length = cache.length
        rows = 2 if self._head.weight.dtype == torch.bfloat16 else 1
        with observed_by(None):
            expected = forward(cache, token.expand(1, rows), rows)[:1]
            _go_back(cache, length)
            self.equal = torch.equal(self.forward(cache, token), expected)
            _go_back(cache, length)


class _Layer:
    """One decoder layer. `hidden` is [1, hidden size] throughout."""

    def __init__(self, layer: Any) -> None:
        attention, mlp = layer.self_attn, layer.mlp
        self._attention = attention
        self._head_dim = attention.head_dim
        self._kv_heads = attention.k_proj.out_features // attention.head_dim
        self._before, self._after = layer.input_layernorm, layer.post_attention_layernorm
        self._qkv = _join(attention.q_proj, attention.k_proj, attention.v_proj)
        self._inner = _join(mlp.gate_proj, mlp.up_proj)
        self._out, self._down = attention.o_proj, mlp.down_proj
        self._activation = mlp.act_fn

    def forward(self, cache: FreqkvCache, hidden: Tensor, cos: Tensor, turn: Tensor) -> Tensor:
        rows = _product(_normed(self._before, hidden), *self._qkv).view(-1, self._head_dim)
        turned, value = rows[: -self._kv_heads], rows[-self._kv_heads :]
        turned = turned * cos + turned.roll(self._head_dim // 2, -1) * turn
        query, key = turned[: -self._kv_heads], turned[-self._kv_heads :]
        keys, values = cache.update(key[None, :, None], value[None, :, None], self._attention.layer_idx)
        attended, _ = chunk_attention(
            self._attention, query[None, :, None], keys, values, None, scaling=self._attention.scaling
        )
        hidden = hidden + _product(attended.view(1, -1), self._out.weight, self._out.bias)
        gate, up = _product(_normed(self._after, hidden), *self._inner).chunk(2, dim=-1)
        return hidden + _product(self._activation(gate) * up, self._down.weight, self._down.bias)


_KNOWN: WeakKeyDictionary[Any, OneToken | None] = WeakKeyDictionary()


def _is_known(model: Any) -> bool:
    """Whether it is one of the architectures, on a CPU, with ordinary layers: not quantized, nothing around them."""
    return (
        model.config.model_type in ARCHITECTURES
        and model.device.type == "cpu"
        and all(type(module) is nn.Linear for module in model.modules() if "Linear" in type(module).__name__)
    )


def _go_back(cache: FreqkvCache, length: int) -> None:
    for layer in cache.layers:
        layer.set_length(length)


def _join(*layers: nn.Linear) -> tuple[Tensor, Tensor | None]:
    """Weight and bias of one product in the place of several. The layers' own weights become slices of that weight."""
    with torch.inference_mode(False), torch.no_grad():
        weight = torch.cat(tuple(layer.weight for layer in layers))
        sizes = [layer.out_features for layer in layers]
        for layer, rows in zip(layers, weight.split(sizes), strict=True):
            layer.weight.data = rows
        biases = tuple(layer.bias for layer in layers if layer.bias is not None)
        return weight, torch.cat(biases) if biases else None


def _normed(norm: Any, hidden: Tensor) -> Tensor:
    """As Llama's norm: the weight multiplies what has been rounded."""
    return norm.weight * rms_norm(hidden, hidden.shape[-1:], None, norm.variance_epsilon)


def _product(hidden: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """A product of one row. A long one in 16 bits adds up in another order than one of several rows, so it has two."""
    if hidden.dtype == torch.bfloat16 and hidden.shape[-1] > ONE_BLOCK:
        return linear(hidden.expand(2, -1), weight, bias)[:1]
    return linear(hidden, weight, bias)
