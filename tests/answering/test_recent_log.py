"""Of a log only what lies within a time before its end is asked about."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from freqkv_cli.answering.recent_log import duration, within
from freqkv_cli.config import Settings
from freqkv_cli.documents import open_documents
from freqkv_cli.errors import UsageError
from freqkv_cli.retrieval.passage import Passage
from tests.reading.readings import result_of


@pytest.mark.parametrize(("written", "seconds"), [("90s", 90), ("30m", 1800), ("1h", 3600), ("1.5 d", 129_600)])
def test_a_time_is_understood(written: str, seconds: float) -> None:
    assert duration(written) == timedelta(seconds=seconds)


@pytest.mark.parametrize("written", ["an hour", "1", "1w", "-1h"])
def test_what_is_no_time_is_refused(written: str) -> None:
    with pytest.raises(UsageError, match="30m, 1h or 2d"):
        duration(written)


def kept(tiny: str, minutes: float, *logs: tuple[Path, Sequence[str]]) -> list[Passage]:
    for path, lines in logs:
        path.write_text("".join(f"{line}\n" for line in lines))
    documents = open_documents([str(path) for path, _ in logs])
    session = result_of(within(timedelta(minutes=minutes))(documents, Settings(model=tiny, quick=True)))
    assert session.retriever is not None
    passages = list(session.retriever.index)
    assert [passage.index for passage in passages] == list(range(len(passages)))
    return passages


@pytest.mark.parametrize("minutes", [0, 1, 30, 60, 61.5, 10_000])
def test_every_line_of_that_time_is_left_and_no_other(tiny: str, tmp_path: Path, minutes: float) -> None:
    lines = [
        f"2026-11-29 {hour:02}:{minute:02}:00 job {hour}x{minute} done" for hour in range(5) for minute in range(60)
    ]
    passages = kept(tiny, minutes, (tmp_path / "a.log", lines))
    expected = lines[-int(minutes) - 1 :]
    assert "\n".join(passage.text for passage in passages).split("\n") == expected
    assert passages[0].location.first_line == len(lines) - len(expected) + 1
    assert passages[0].location.label == expected[0][:19]
    assert passages[-1].location.last_line == len(lines)


def test_a_slow_log_ends_with_its_last_line(tiny: str, tmp_path: Path) -> None:
    lines = [f"2026-11-{day:02} 08:00:00 the gate was opened, as every morning" for day in range(1, 11)]
    (passage,) = kept(tiny, 60 * 24, (tmp_path / "a.log", lines))
    assert passage.text.split("\n") == lines[-2:]


def test_without_a_date_the_night_before_is_no_part_of_the_evening(tiny: str, tmp_path: Path) -> None:
    times = [*range(9 * 60, 24 * 60), *range(20)]
    lines = [f"{one // 60:02}:{one % 60:02}:00 door {one} was locked" for one in times]
    passages = kept(tiny, 60, (tmp_path / "a.log", lines))
    assert "\n".join(passage.text for passage in passages).split("\n") == lines[-61:]


def test_of_two_logs_what_was_last_in_both_is_left(tiny: str, tmp_path: Path) -> None:
    late = [f"2026-11-29 10:{minute:02}:00 web request served" for minute in range(60)]
    early = [f"2026-11-29 09:{minute:02}:00 db row written" for minute in range(40)]
    passages = kept(tiny, 90, (tmp_path / "web.log", late), (tmp_path / "db.log", early))
    assert "\n".join(passage.text for passage in passages).split("\n") == [*late, *early[29:]]
    assert [passage.document for passage in passages] == sorted(passage.document for passage in passages)


def test_a_text_without_times_is_refused(tiny: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has none"):
        kept(tiny, 1, (tmp_path / "a.txt", ["A story, no more than a line."]))
