"""How the slots of a cache are divided."""

import math
from dataclasses import dataclass, replace

from freqkv_cli.errors import UsageError


@dataclass(frozen=True, slots=True)
class Geometry:
    """[ sinks | old, filtered when full | recent ], in slots per layer.

    cache_size: N, the hard bound. sink_tokens: S, the first tokens, kept verbatim for ever. recent_tokens: R, the last
    tokens, kept verbatim through one compression. retain_ratio: gamma, the share of the old slots that remains.
    Raises UsageError when a compression could not free at least one slot.
    """

    cache_size: int
    sink_tokens: int = 4
    recent_tokens: int = 0
    retain_ratio: float = 0.5

    def __post_init__(self) -> None:
        if not 0.0 < self.retain_ratio < 1.0:
            raise UsageError(f"the retain ratio is {self.retain_ratio}; it must lie between 0 and 1, both excluded")
        if self.sink_tokens < 0 or self.recent_tokens < 0:
            raise UsageError("sink tokens and recent tokens cannot be negative")
        needed = self.sink_tokens + self.recent_tokens + 2
        if self.cache_size < needed:
            raise UsageError(
                f"a cache of {self.cache_size} slots cannot hold {self.sink_tokens} sink tokens (the instruction "
                f"included), {self.recent_tokens} recent tokens and 2 more; give --cache-size {needed} or above"
            )

    @property
    def free_slots(self) -> int:
        """Slots that are free after the heaviest compression, which leaves one slot of all that is old."""
        return self.cache_size - self.sink_tokens - self.recent_tokens - 1

    def fitted(self, block: int) -> "Geometry":
        """Return it with as many more sinks as leave a multiple of `block` old slots in a full cache, if any do."""
        old = self.cache_size - self.sink_tokens - self.recent_tokens
        return replace(self, sink_tokens=self.sink_tokens + old % block) if old >= block else self

    def retained(self, rows: int) -> int:
        """L: how many slots remain of `rows` old ones; at least 1, fewer than `rows` (rows >= 2)."""
        # The tolerance keeps floor(0.7 * 10) at 7: the product in binary may fall just short of it.
        return min(max(1, math.floor(self.retain_ratio * rows + 1e-9)), rows - 1)
