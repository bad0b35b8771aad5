"""A limit of time for work that must leave something behind when it ends."""

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadline:
    """The moment, in seconds of time.monotonic, at which work should have ended."""

    moment: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """Return the deadline that many seconds from now."""
        return cls(time.monotonic() + seconds)

    @property
    def left(self) -> float:
        """Seconds until then; 0 when it has passed."""
        return max(0.0, self.moment - time.monotonic())

    @property
    def passed(self) -> bool:
        """Whether time is up."""
        return self.left == 0.0

    def within(self, seconds: float) -> "Deadline":
        """Return a deadline that many seconds from now, but no later than this one."""
        return Deadline(min(self.moment, time.monotonic() + seconds))
