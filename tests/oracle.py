"""An independent FreqKV: what the cache must compute, written without a line of the package.

It stores keys before RoPE and rotates them on every read, takes its DCT from scipy, reads token by token, and keeps
Python lists. It borrows the model's layers (a copy whose own rotation is switched off) and the model's rope tables.
"""

import copy
import math
from typing import Any

import scipy.fft
import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface


class NoRotation(nn.Module):
    def forward(self, x: Tensor, position_ids: Tensor) -> tuple[Tensor, Tensor]:
        shape = (*position_ids.shape, self.head_dim)
        return torch.ones(shape, dtype=x.dtype), torch.zeros(shape, dtype=x.dtype)

    def __init__(self, head_dim: int) -> None:
        super().__init__()
        self.head_dim = head_dim


class Oracle:
    """logits = Oracle(model, ...).read(ids): [len(ids), vocabulary], one row per token."""

    def __init__(self, model: Any, cache_size: int, sinks: int, recent: int, ratio: float) -> None:
        self.model = copy.deepcopy(model)
        self.size, self.sinks, self.recent, self.ratio = cache_size, sinks, recent, ratio
        positions = torch.arange(cache_size)[None]
        self.cos, self.sin = (t[0].double() for t in copy.deepcopy(model.model.rotary_emb)(torch.zeros(1), positions))
        self.model.model.rotary_emb = NoRotation(self.cos.shape[-1])
        self.keys: dict[int, list[Tensor]] = {}  # layer -> slots of [kv_heads, head_dim]
        self.values: dict[int, list[Tensor]] = {}
        self.compressions = 0
        AttentionInterface.register("oracle", self.attend)
        AttentionMaskInterface.register("oracle", lambda *_, **__: None)
        self.model.set_attn_implementation("oracle")

    @torch.no_grad()
    def read(self, ids: list[int]) -> Tensor:
        rows = []
        for token in ids:
            if self.keys and len(self.keys[0]) == self.size:
                self.compress()
            rows.append(self.model(torch.tensor([[token]]), use_cache=False).logits[0, -1])
        return torch.stack(rows)

    def compress(self) -> None:
        self.compressions += 1
        for store in (self.keys, self.values):
            for layer, slots in store.items():
                end = len(slots) - self.recent
                old = torch.stack(slots[self.sinks : end]).numpy()
                kept = math.floor(self.ratio * len(old))
                low = scipy.fft.dct(old, axis=0, norm="ortho")[:kept]
                new = torch.from_numpy(scipy.fft.idct(low, axis=0, norm="ortho") * math.sqrt(kept / len(old)))
                store[layer] = slots[: self.sinks] + list(new) + slots[end:]

    def rotate(self, x: Tensor, slot: int) -> Tensor:
        half = x.shape[-1] // 2
        turned = torch.cat((-x[..., half:], x[..., :half]), dim=-1)
        return x * self.cos[slot] + turned * self.sin[slot]

    def attend(
        self, module: Any, query: Tensor, key: Tensor, value: Tensor, mask: None, **options: Any
    ) -> tuple[Tensor, None]:
        keys = self.keys.setdefault(module.layer_idx, [])
        values = self.values.setdefault(module.layer_idx, [])
        keys.append(key[0, :, 0].double())
        values.append(value[0, :, 0].double())
        rotated = torch.stack([self.rotate(k, slot) for slot, k in enumerate(keys)])  # [slots, kv_heads, head_dim]
        q = self.rotate(query[0, :, 0].double(), len(keys) - 1)  # [heads, head_dim]
        group = q.shape[0] // rotated.shape[1]
        out = []
        for head in range(q.shape[0]):
            scores = rotated[:, head // group] @ q[head] * options["scaling"]
            out.append(scores.softmax(0) @ torch.stack(values)[:, head // group])
        return torch.stack(out)[None, None].to(query.dtype), None


def quantspec(group: list[float]) -> tuple[list[int], list[int], list[float]]:
    """U, L and the numbers that they stand for, of one group, as QuantSpec (arXiv 2502.10424) writes it down."""
    least, scale = min(group), (max(group) - min(group)) / 15
    upper = [round((x - least) / scale) for x in group]
    four = [u * scale + least for u in upper]
    lower = [max(-8, min(7, round((x - x4) / (scale / 16)))) for x, x4 in zip(group, four, strict=True)]
    return upper, lower, [x4 + low * scale / 16 for x4, low in zip(four, lower, strict=True)]


def dbudget(attention: list[Tensor], kv_heads: int, old: range) -> int:
    """How many of the `old` slots DBudgetKV (arXiv 2502.16886) keeps, each head its own; the most that a layer wants.

    attention: of each layer, [heads, queries, slots]. Slots of the queries themselves are the last to be dropped.
    """
    wanted = 0
    for whole in attention:
        left, queries = whole.clone().double(), whole.shape[1]
        groups = left.view(kv_heads, -1, queries, left.shape[-1])  # the same numbers
        ranked = []
        for group in groups:
            worth = {slot: float(group[..., slot].mean()) for slot in old}
            worth |= {slot: math.inf for slot in old if slot >= left.shape[-1] - queries}
            ranked.append(sorted(old, key=worth.__getitem__))
        kept = len(old)
        for gone in range(len(old)):
            for group, slots in zip(groups, ranked, strict=True):
                group[..., slots[gone]] = 0
            if left.norm() < 0.99 * whole.double().norm():
                break
            kept -= 1
        wanted = max(wanted, kept)
    return wanted
