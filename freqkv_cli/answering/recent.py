"""Of a log, what lies within some time before its end, by the log's own times."""

import re
from collections.abc import Generator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from freqkv_cli.errors import UsageError
from freqkv_cli.events import Event
from freqkv_cli.reading.session import Session
from freqkv_cli.retrieval.retriever import Retriever
from freqkv_cli.states.opening import Opening, open_reading

DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
# As documents/records/log.py finds them; without a year or a date they are compared within one.
TIMES = (
    *("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M"),
    *("%b %d %H:%M:%S", "%d/%b/%Y:%H:%M:%S", "%H:%M:%S"),
)


def duration(written: str) -> float:
    """Return the seconds of "90s", "30m", "1h" or "2d". Raises UsageError."""
    if (match := DURATION.fullmatch(written.strip())) is None:
        raise UsageError(f"--last must be a time such as 30m, 1h or 2d, not {written}")
    return float(match[1]) * UNITS[match[2]]


def time_of(label: str | None) -> datetime | None:
    """Return the time that a passage of a log begins at, None where it has none."""
    said = " ".join((label or "").replace("T", " ").split())
    for form in TIMES:
        try:
            return datetime.strptime(said, form)
        except ValueError:
            pass
    return None


def within(seconds: float) -> Opening:
    """Return what opens a reading as `open_reading` does, to be asked only about its last `seconds`."""

    def opening(*arguments: Any, **wanted: Any) -> Generator[Event, None, Session]:
        session = yield from open_reading(*arguments, **wanted)
        keep_last(session, seconds)
        return session

    return opening


def keep_last(session: Session, seconds: float) -> None:
    """Leave of the passages those that begin within `seconds` before the last one. Raises UsageError without times."""
    retriever = session.retriever
    assert retriever is not None
    timed = [(passage, time_of(passage.location.label)) for passage in retriever.index]
    times = [time for _, time in timed if time is not None]
    if not times:
        raise UsageError("--last goes by the times of a log, and this text has none: leave it out")
    cut = times[-1] - timedelta(seconds=seconds)
    kept = Retriever(retriever.documents)
    late = [passage for passage, time in timed if time is not None and cut <= time]
    kept.restore(replace(passage, index=index) for index, passage in enumerate(late))
    retriever.index.close()
    session.so_far.retriever = kept
