"""How far a download is that someone else (pip, huggingface_hub) carries out: by the bytes that have arrived."""

from collections.abc import Callable
from pathlib import Path

from freqkv_cli.models.store import Notify, folder_bytes
from freqkv_cli.tasks.events import Progress

SECONDS_BETWEEN_LOOKS = 0.2
STEP = 5  # per cent; fewer would look stuck, more would fill a log


def watch_growth(folder: Path, total: int, label: str, notify: Notify, wait: Callable[[float], bool]) -> None:
    """Tells `notify` how many of `total` bytes are below `folder`, until `wait(seconds)` says that the work is over."""
    before = folder_bytes(folder)
    told = -1
    over = False
    while not over:
        arrived = min(folder_bytes(folder) - before, total)
        share = max(0, 100 * arrived // total // STEP * STEP)
        if share > told:
            told = share
            source = f"{label} ({share} % of {total / 1e6:,.0f} MB)"
            notify(Progress(phase="loading", source=source, tokens_done=max(0, arrived), tokens_total=total))
        over = wait(SECONDS_BETWEEN_LOOKS)
