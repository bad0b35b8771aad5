"""What a policy may know of the rows it is given, beside the rows themselves."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True)
class Past:
    """The first `kept` rows are what the last round left, and stand for `tokens` tokens; each row behind them for one.

    attention: [batch, kv_heads, T], the mean attention that recent queries paid to each row, see Observation; None
    where the policy does not ask for it, or no queries are known (a state of before they were kept).
    layer: whose rows they are.
    The defaults say: nothing was compressed yet, nothing was observed.
    """

    kept: int = 0
    tokens: int = 0
    attention: Tensor | None = None
    layer: int = 0


FRESH = Past()
