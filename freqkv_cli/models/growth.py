"""How far a download is that someone else (pip, huggingface_hub) carries out: by the bytes that have arrived."""

from collections.abc import Callable
from pathlib import Path

from freqkv_cli.events import Progress
from freqkv_cli.models.store import Notify, folder_bytes

SECONDS_BETWEEN_LOOKS = 0.2


def watch_growth(folder: Path, total: int, label: str, notify: Notify, wait: Callable[[float], bool]) -> None:
    """Tells `notify` how many of `total` bytes are below `folder`, until `wait(seconds)` says that the work is over."""
    before = folder_bytes(folder)
    arrived = 0
    over = False
    while not over:
        # pip holds the file twice for a moment: never more than there is, never less than was told.
        arrived = max(arrived, min(folder_bytes(folder) - before, total))
        notify(Progress(phase="loading", source=f"{label} (download)", tokens_done=arrived, tokens_total=total))
        over = wait(SECONDS_BETWEEN_LOOKS)
