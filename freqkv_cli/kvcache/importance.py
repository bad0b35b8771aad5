"""How much a row of the cache will be looked at later, foretold from its key and value.

Nobody knows what will be asked for. But what is looked at from far away is mostly of a kind (names, numbers,
headings), and a head's own keys and values show it: a linear function of them, one per layer and key head, foretells
more than half of it (docs/experiments.md). training/importance_fit.py fits them; an adapter brings them along.
"""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool1d

from freqkv_cli.kvcache import compiled
from freqkv_cli.kvcache.rope import SlotKeys

NEIGHBOURS = 5  # rows that share their importance: a number is several tokens, and of no use without one of them


def features(keys: Tensor, values: Tensor) -> Tensor:
    """What importance is a linear function of: [..., T, key_dim + value_dim + 3] in fp32.

    keys, values: [..., T, head_dim], keys without their rotation. The last three are both lengths, and one.
    """
    keys, values = keys.detach().float(), values.detach().float()
    lengths = (keys.norm(dim=-1, keepdim=True), values.norm(dim=-1, keepdim=True))
    return torch.cat((keys, values, *lengths, torch.ones_like(lengths[0])), dim=-1)


def importance(weights: Tensor, keys: SlotKeys, values: Tensor) -> Tensor:
    """Return the foretold importance of each row, shared with its neighbours: [batch, heads, T] in fp32.

    Args:
        weights: [heads, features], those of one layer.
        keys, values: of T rows.
    """
    alone = _product(weights.to(values.device).float(), keys, values)
    return avg_pool1d(alone, NEIGHBOURS, stride=1, padding=NEIGHBOURS // 2, count_include_pad=False)


def _product(weights: Tensor, slot_keys: SlotKeys, values: Tensor) -> Tensor:
    """`features` times `weights`, without joining the features: [batch, heads, T]."""
    if compiled.applies_to(slot_keys.stored, values):
        return compiled.importance(weights, slot_keys.stored, values, *slot_keys.tables)
    keys, values = slot_keys.free.detach().float(), values.detach().float()
    of_keys, of_values, *rest = weights.split((keys.shape[-1], values.shape[-1], 1, 1, 1), dim=-1)
    linear = torch.einsum("bhtc,hc->bht", keys, of_keys) + torch.einsum("bhtc,hc->bht", values, of_values)
    of_key_length, of_value_length, one = rest
    return linear + keys.norm(dim=-1) * of_key_length + values.norm(dim=-1) * of_value_length + one
