"""Of a log only what lies within a time before its end is asked about."""

from pathlib import Path

import pytest

from freqkv_cli.answering.recent import duration, time_of, within
from freqkv_cli.config import Settings
from freqkv_cli.documents import open_documents
from freqkv_cli.errors import UsageError
from tests.reading.readings import result_of


@pytest.mark.parametrize(("written", "seconds"), [("90s", 90), ("30m", 1800), ("1h", 3600), ("1.5 d", 129_600)])
def test_a_time_is_understood(written: str, seconds: float) -> None:
    assert duration(written) == seconds


@pytest.mark.parametrize("written", ["an hour", "1", "1w", "-1h"])
def test_what_is_no_time_is_refused(written: str) -> None:
    with pytest.raises(UsageError, match="30m, 1h or 2d"):
        duration(written)


@pytest.mark.parametrize(
    "label",
    [
        "2026-11-29T10:15:02",
        "2026-11-29 10:15",
        "2026/11/29 10:15:02",
        "Nov  9 10:15:02",
        "29/Nov/2026:10:15:02",
        "10:15:02",
    ],
)
def test_times_of_logs_are_known(label: str) -> None:
    time = time_of(label)
    assert time is not None
    assert (time.hour, time.minute) == (10, 15)


def test_only_the_last_hour_is_left(tiny: str, tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    lines = [
        f"2026-11-29 {hour:02}:{minute:02}:00 job {hour}x{minute} done\n" for hour in range(5) for minute in range(60)
    ]
    log.write_text("".join(lines))
    settings = Settings(model=tiny, quick=True)
    session = result_of(within(3600)(open_documents([str(log)]), settings))
    assert session.retriever is not None
    times = [passage.location.label for passage in session.retriever.index]
    assert times
    assert min(map(str, times)) >= "2026-11-29 03:"
    assert [one.passage.index for one in session.retriever.find(["job 4x59"], 1)] == [len(times) - 1]
    assert "1x1 " not in " ".join(passage.text for passage in session.retriever.index)


def test_a_text_without_times_is_refused(tiny: str, tmp_path: Path) -> None:
    text = tmp_path / "a.txt"
    text.write_text("A story, no more than a line.\n")
    with pytest.raises(UsageError, match="has none"):
        result_of(within(60)(open_documents([str(text)]), Settings(model=tiny, quick=True)))
