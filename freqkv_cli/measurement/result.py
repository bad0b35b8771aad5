"""What a generator of events comes to."""

from collections.abc import Iterator
from typing import Any


def last_value(events: Iterator[Any]) -> Any:
    """Run a generator to its end, let its events go, and return its value."""
    while True:
        try:
            next(events)
        except StopIteration as end:
            return end.value
