"""Turns a function that reports through a callback into a generator of the events it reports."""

import queue
import threading
from collections.abc import Callable, Generator
from typing import TypeVar

from freqkv_cli.events import Event

Result = TypeVar("Result")


def run_in_thread(work: Callable[[Callable[[Event], None]], Result]) -> Generator[Event, None, Result]:
    """Run `work(notify)` in a thread, yield what it notifies, and return its result or raise its exception."""
    events: queue.Queue[Event | None] = queue.Queue()
    outcome: list[Result] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(work(events.put))
        except BaseException as error:
            failure.append(error)
        finally:
            events.put(None)

    # A daemon, so that Ctrl-C ends the program without waiting for a download.
    threading.Thread(target=run, daemon=True).start()
    while (event := events.get()) is not None:
        yield event
    if failure:
        raise failure[0]
    return outcome[0]
