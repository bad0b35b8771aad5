"""How far a download is that someone else (pip, huggingface_hub) carries out: by the bytes that have arrived."""

import time
from collections.abc import Callable
from pathlib import Path

from freqkv_cli.events import Progress
from freqkv_cli.models.store import Notify, folder_bytes

SECONDS_BETWEEN_LOOKS = 0.2
FIRST_ETA = 200  # the rest is estimated once a 200th has come: the first bytes come slowly


class Meter:
    """Tells `notify` how many of `total` bytes are there, and how long the rest takes; `begun` were there before."""

    def __init__(self, label: str, total: int, notify: Notify, *, begun: int = 0) -> None:
        self._source = f"{label} (download)"
        self._total = total
        self._notify = notify
        self._begun = self._arrived = begun
        self._started = time.monotonic()

    def show(self, arrived: int) -> None:
        """Tell of `arrived` bytes; never less than before: a file may vanish while another is made of it."""
        self._arrived = max(self._arrived, min(arrived, self._total))
        seconds, new = time.monotonic() - self._started, self._arrived - self._begun
        self._notify(
            Progress(
                phase="loading",
                source=self._source,
                tokens_done=self._arrived,
                tokens_total=self._total,
                eta_seconds=seconds * (self._total - self._arrived) / new if new * FIRST_ETA >= self._total else None,
            )
        )


def watch_download(folder: Path, total: int, label: str, notify: Notify, wait: Callable[[float], bool]) -> None:
    """Tells `notify` how many of `total` bytes are below `folder`, until `wait(seconds)` says that the work is over."""
    before = folder_bytes(folder)
    meter = Meter(label, total, notify)
    over = False
    while not over:
        meter.show(folder_bytes(folder) - before)
        over = wait(SECONDS_BETWEEN_LOOKS)
