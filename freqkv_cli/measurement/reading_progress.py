"""How far a reading of known length is, as an event."""

import time
from typing import Literal

from freqkv_cli.events import Progress


def reading_progress(
    source: str, done: int, total: int, began: float, phase: Literal["reading", "training"] = "reading"
) -> Progress:
    """Tell of `done` (at least 1) of `total` tokens, read since `began`, a time.perf_counter(), at one speed."""
    seconds = time.perf_counter() - began
    return Progress(
        phase,
        source=source,
        tokens_done=done,
        tokens_total=total,
        total_is_exact=True,
        seconds=seconds,
        tokens_per_second=done / seconds,
        eta_seconds=(total - done) * seconds / done,
    )
