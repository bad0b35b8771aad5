"""Of a log, what lies within some time before its end, by the log's own times."""

import re
from collections.abc import Generator, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from freqkv_cli.documents.records.log import times_of
from freqkv_cli.errors import UsageError
from freqkv_cli.events import Event
from freqkv_cli.reading.session import Session
from freqkv_cli.retrieval.index import PassageIndex
from freqkv_cli.retrieval.log_lines import lines_of
from freqkv_cli.retrieval.passage import Passage
from freqkv_cli.retrieval.retriever import Retriever
from freqkv_cli.states.opening import Opening, open_reading

DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def duration(written: str) -> timedelta:
    """Return the length of "90s", "30m", "1h" or "2d". Raises UsageError."""
    if (match := DURATION.fullmatch(written.strip())) is None:
        raise UsageError(f"--last must be a time such as 30m, 1h or 2d, not {written}")
    return timedelta(seconds=float(match[1]) * UNITS[match[2]])


def within(length: timedelta) -> Opening:
    """Return what opens a reading as `open_reading` does, to be asked only about its last `length`."""

    def opening(*arguments: Any, **wanted: Any) -> Generator[Event, None, Session]:
        session = yield from open_reading(*arguments, **wanted)
        keep_last(session, length)
        return session

    return opening


def keep_last(session: Session, length: timedelta) -> None:
    """Leave of the passages the lines from `length` before the last line on. Raises UsageError without times."""
    retriever = session.retriever
    assert retriever is not None
    index = retriever.index
    logs: dict[int, tuple[int, list[str | None]]] = {}  # each document's first passage, and when its passages begin
    for passage in index:
        logs.setdefault(passage.document, (passage.index, []))[1].append(passage.location.label)
    for begin, labels in logs.values():
        labels.append(lines_of(index[begin + len(labels) - 1])[-1].location.label)  # when it ends
    ends = [end for _, labels in logs.values() if (end := times_of(labels)[-1]) is not None]
    if not ends:
        raise UsageError("--last goes by the times of a log, and this text has none: leave it out")
    kept = Retriever(retriever.documents)
    late = (passage for log in logs.values() for passage in since(max(ends) - length, index, *log))
    kept.restore(replace(passage, index=number) for number, passage in enumerate(late))
    index.close()
    session.so_far.retriever = kept


def since(cut: datetime, index: PassageIndex, begin: int, labels: list[str | None]) -> Iterator[Passage]:
    """Yield what a log says from a time on. Its passages begin at `begin` in the index, and at the times `labels`, the
    last of which is that of its end.
    """
    times = times_of(labels)
    late = next((place for place, time in enumerate(times) if time is not None and time >= cut), len(times))
    if late:  # the passage before goes on into that time, or up to it
        lines = lines_of(index[begin + late - 1])
        of_lines = times_of([*(line.location.label for line in lines), *labels[late:]])
        if rest := [line for line, time in zip(lines, of_lines, strict=False) if time is not None and time >= cut]:
            location = rest[0].location.to(rest[-1].location)
            yield replace(rest[0], text="\n".join(line.text for line in rest), location=location)
    for place in range(late, len(times) - 1):
        yield index[begin + place]
