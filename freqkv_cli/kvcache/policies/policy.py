"""The one interface of all policies, and their names."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Protocol, runtime_checkable

from torch import Tensor

from freqkv_cli.errors import UsageError
from freqkv_cli.kvcache.policies.past import FRESH, Past


class CompressionPolicy(Protocol):
    """Maps the T old rows of a full cache to `length` rows. It sees tensors only: no model, no positions, no cache.

    It keeps nothing between two calls, so that forks, states and resumed readings need know nothing of it.
    """

    name: str
    evicts: bool  # False: this policy cannot make room, and a full cache is an error
    observes: int  # of how many of the last queries it wants to know the attention; 0: none

    def compress(self, keys: Tensor, values: Tensor, length: int, past: Past = FRESH) -> tuple[Tensor, Tensor]:
        """Return `length` rows for T.

        Args:
            keys: [batch, kv_heads, T, head_dim] without position (rotation taken out), fp32 or wider.
            values: [batch, kv_heads, T, head_dim], any float dtype.
            length: rows to return, 1 <= length < T. Sinks and recent tokens are already cut off.
            past: what the rows stand for, and who looked at them.

        Returns:
            keys and values, each [batch, kv_heads, length, head_dim], in any float dtype, in the order of time.
        """
        ...


@runtime_checkable
class ElasticPolicy(Protocol):
    """A policy that says itself how many rows are worth keeping."""

    def choose_length(self, layers: Iterable[tuple[Tensor, Tensor]], length: int) -> int:
        """Return how many rows to keep, for all layers alike, at most `length`.

        `layers` gives keys and values of each layer as `compress` gets them, one layer at a time.
        """
        ...


@runtime_checkable
class ForesightedPolicy(Protocol):
    """A policy that goes by what an adapter has learnt about which rows will be looked at; None: by other means."""

    foresight: Tensor | None


def make_policy(name: str, foresight: Tensor | None = None) -> CompressionPolicy:
    """Return the policy called `name`; UsageError if there is none.

    `foresight` is what an adapter knows of importance, for the policies that ask for it; see LandmarksPolicy.
    """
    from freqkv_cli.kvcache.policies.adaptive import AdaptivePolicy
    from freqkv_cli.kvcache.policies.freqkv import FreqkvPolicy
    from freqkv_cli.kvcache.policies.full import FullPolicy
    from freqkv_cli.kvcache.policies.keydiff import KeydiffPolicy
    from freqkv_cli.kvcache.policies.landmarks import LandmarksPolicy
    from freqkv_cli.kvcache.policies.morph import MorphPolicy
    from freqkv_cli.kvcache.policies.pool import PoolPolicy
    from freqkv_cli.kvcache.policies.stride import StridePolicy
    from freqkv_cli.kvcache.policies.uniform import UniformPolicy
    from freqkv_cli.kvcache.policies.window import WindowPolicy

    policies: dict[str, Callable[[], CompressionPolicy]] = {
        "freqkv": FreqkvPolicy,
        "window": WindowPolicy,
        "full": FullPolicy,
        "stride": StridePolicy,
        "pool": PoolPolicy,
        "uniform": UniformPolicy,
        "adaptive": AdaptivePolicy,
        "keydiff": KeydiffPolicy,
        "morph": MorphPolicy,
        "landmarks": partial(LandmarksPolicy, foresight),
    }
    if name not in policies:
        raise UsageError(f"there is no cache policy '{name}'; choose one of: {', '.join(policies)}")
    return policies[name]()
