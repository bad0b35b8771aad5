"""What a task tells the terminal while it runs. Tasks are generators of these events; no event holds a tensor."""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Note:
    """A message for the user, on stderr: information, or a warning (kept in the JSON report).

    Information is shown with --verbose; a note that is `wanted` is part of what was asked for and always shown.
    """

    message: str
    warning: bool = False
    wanted: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """A snapshot of the work. Sent often; the terminal decides how often to draw.

    `tokens_total` is exact only when `total_is_exact`; while pages are still being read it is an estimate
    from the share of the document that has been read. While indexing, passages are counted instead. Bytes are bytes,
    times are seconds. `detail` is a figure of the task's own, in words.
    """

    phase: Literal["loading", "reading", "indexing", "answering", "training"]
    source: str = ""
    detail: str = ""
    page: int | None = None
    pages: int | None = None
    tokens_done: int = 0
    tokens_total: int | None = None
    total_is_exact: bool = False
    seconds: float = 0.0
    tokens_per_second: float = 0.0
    eta_seconds: float | None = None
    slots_used: int = 0
    cache_size: int = 0
    cache_bytes: int = 0
    compressions: int = 0
    process_bytes: int = 0
    gpu_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of the answer, for stdout."""

    delta: str


@dataclass(frozen=True, slots=True)
class Asked:
    """One of several questions is about to be answered; `number` counts them from 1."""

    question: str
    number: int


@dataclass(frozen=True, slots=True)
class Answered:
    """One of several answers is complete: `report` is its JSON object (see docs/cli.md)."""

    report: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Done:
    """The end: `report` is the JSON object of `--json` (see docs/cli.md)."""

    report: dict[str, Any] = field(default_factory=dict)


Event = Note | Progress | Text | Asked | Answered | Done


def run_to_end(events: Generator[Any, None, Result], on_event: Callable[[Any], object] | None = None) -> Result:
    """Run a generator to its end and return its value; `on_event` is told of what it yields."""
    while True:
        try:
            event = next(events)
        except StopIteration as end:
            result: Result = end.value
            return result
        if on_event is not None:
            on_event(event)
