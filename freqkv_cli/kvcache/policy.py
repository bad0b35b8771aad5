"""What a compression policy is: it maps the old rows of a full cache to fewer. Each has a file in kvcache/policies/."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

from torch import Tensor

from freqkv_cli.kvcache.rope import SlotKeys
from freqkv_cli.kvcache.selection import pick

Rows = tuple[Tensor, Tensor]  # keys and values, each [batch, kv_heads, rows, head_dim]


@dataclass(frozen=True, slots=True)
class CompressionContext:
    """What a policy may know of the T rows it is given, beside the rows themselves.

    The first `kept` rows are what the last round left, and stand for `tokens` tokens; each row behind them for one.
    attention: [batch, kv_heads, T], the mean attention that recent queries paid to each row, see Observation; None
    where the policy does not ask for it, or no queries are known (a state of before they were kept).
    layer: whose rows they are.
    The defaults say: nothing was compressed yet, nothing was observed.
    """

    kept: int = 0
    tokens: int = 0
    attention: Tensor | None = None
    layer: int = 0


FRESH = CompressionContext()


class CompressionPolicy(ABC):
    """Maps the T old rows of a full cache to `length` rows. It sees tensors only: no model, no positions, no cache.

    It keeps nothing between two calls, so that forks, states and resumed readings need know nothing of it.
    """

    name = ""  # that of its file; see make_policy
    evicts = True  # False: this policy cannot make room, and a full cache is an error
    observation_window = 0  # of how many of the last queries it wants to know the attention; 0: none
    block = 1  # it is much quicker with a multiple of so many old slots

    @abstractmethod
    def compress(self, keys: Tensor, values: Tensor, length: int, context: CompressionContext = FRESH) -> Rows:
        """Return `length` rows for T.

        Args:
            keys: [batch, kv_heads, T, head_dim] without position (rotation taken out), fp32 or wider.
            values: [batch, kv_heads, T, head_dim], any float dtype.
            length: rows to return, 1 <= length < T. Sinks and recent tokens are already cut off.
            context: what the rows stand for, and who looked at them.

        Returns:
            keys and values, each [batch, kv_heads, length, head_dim], in any float dtype, in the order of time.
        """


class SelectingPolicy(CompressionPolicy):
    """A policy that keeps some of the rows as they are, and lets the others go: all it says is which."""

    @abstractmethod
    def choose(self, keys: SlotKeys, values: Tensor, length: int, context: CompressionContext) -> Tensor:
        """Return the places of the rows to keep, rising, [batch, kv_heads, length]; arguments as of `compress`."""

    def compress(self, keys: Tensor, values: Tensor, length: int, context: CompressionContext = FRESH) -> Rows:
        """Keep the chosen rows; see CompressionPolicy.compress."""
        kept = self.choose(SlotKeys(keys), values, length, context)
        return pick(keys, kept), pick(values, kept)


class Attended(NamedTuple):
    """How much the last queries attend to each slot of a layer, [batch, kv_heads, slots] in fp32: the mean, as in
    `CompressionContext.attention`, and the sum of the squares, over queries and the heads that share a key head.
    """

    mean: Tensor
    squares: Tensor


@runtime_checkable
class ElasticPolicy(Protocol):
    """A policy that says itself how many rows are worth keeping."""

    def choose_length(self, layers: Iterable[Attended], old: slice) -> int:
        """Return how many of the rows in the slots `old` to keep, for all layers alike: at least one, and not all.

        It is not asked where no queries are known.
        """
        ...


@runtime_checkable
class PredictingPolicy(Protocol):
    """A policy that goes by what an adapter has learnt about which rows will be looked at; None: by other means."""

    predictor: Tensor | None
