"""The one interface of all policies, and their names."""

from collections.abc import Callable
from typing import Protocol

from torch import Tensor

from freqkv_cli.errors import UsageError


class CompressionPolicy(Protocol):
    """Maps the T old rows of a full cache to `length` rows. It sees tensors only: no model, no positions, no cache."""

    name: str
    evicts: bool  # False: this policy cannot make room, and a full cache is an error

    def compress(self, keys: Tensor, values: Tensor, length: int) -> tuple[Tensor, Tensor]:
        """Return `length` rows for T.

        Args:
            keys: [batch, kv_heads, T, head_dim] without position (rotation taken out), fp32 or wider.
            values: [batch, kv_heads, T, head_dim], any float dtype.
            length: rows to return, 1 <= length < T. Sinks and recent tokens are already cut off.

        Returns:
            keys and values, each [batch, kv_heads, length, head_dim], in any float dtype.
        """
        ...


def make_policy(name: str) -> CompressionPolicy:
    """Return the policy called `name`; UsageError if there is none."""
    from freqkv_cli.kvcache.policies.freqkv import FreqkvPolicy
    from freqkv_cli.kvcache.policies.full import FullPolicy
    from freqkv_cli.kvcache.policies.window import WindowPolicy

    policies: dict[str, Callable[[], CompressionPolicy]] = {
        "freqkv": FreqkvPolicy,
        "window": WindowPolicy,
        "full": FullPolicy,
    }
    if name not in policies:
        raise UsageError(f"there is no cache policy '{name}'; choose one of: {', '.join(policies)}")
    return policies[name]()
