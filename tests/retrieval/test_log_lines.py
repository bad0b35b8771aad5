"""Of a log, what it says seldom is found among what it repeats."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from freqkv_cli.documents.document import open_document
from freqkv_cli.retrieval import log_lines
from freqkv_cli.retrieval.log_lines import LogLine, lines_of
from freqkv_cli.retrieval.retriever import Retriever

PUMP = "pump Albatross stopped: bearing too hot"
POOL = "checkout cannot reach db2: pool of 50 exhausted"


def log_of(said: Iterable[str]) -> str:
    return "".join(f"2026-11-29 {n // 3600:02}:{n // 60 % 60:02}:{n % 60:02} {one}\n" for n, one in enumerate(said))


def routine(count: int) -> list[str]:
    return [f"web{n % 4} request {n} served in {n % 90} ms" if n % 3 else f"heartbeat {n} ok" for n in range(count)]


def retrieved(text: str, path: Path) -> Retriever:
    path.write_text(text)
    with open_document(str(path)) as document:
        retriever = Retriever([document])
        for page in document.pages():
            retriever.add(0, page)
        retriever.finish()
        return retriever


def unusual(text: str, path: Path, most: int = 300) -> list[LogLine]:
    retriever = retrieved(text, path)
    return retriever.log.unusual(retriever.index, most)


def test_what_is_said_seldom_is_told_in_order_each_line_at_its_place(tmp_path: Path) -> None:
    said = routine(3000)
    said[700], said[1500], said[1501], said[2200] = POOL, PUMP, PUMP.replace("Albatross", "Bittern"), POOL
    lines = unusual(log_of(said), tmp_path / "a.log")
    assert [(one.line.location.first_line, one.count) for one in lines] == [(1501, 1), (1502, 1), (2201, 2)]
    assert lines[0].text == f"2026-11-29 00:25:00 {PUMP}"
    assert lines[0].line.place == "2026-11-29 00:25:00, line 1501"
    assert lines[2].text.endswith("exhausted (the last of 2 like it, the first at 2026-11-29 00:11:40)")


def test_a_storm_of_one_line_hides_no_other_and_names_of_users_hide_no_event(tmp_path: Path) -> None:
    letters = [chr(97 + n // 26) + chr(97 + n % 26) for n in range(600)]
    said = [f"session opened for user {one}" for one in letters] + routine(2000)
    said[100], said[1200:1500] = PUMP, [POOL] * 300
    lines = unusual(log_of(said), tmp_path / "a.log", 250)
    assert [(one.line.location.first_line, one.count) for one in lines] == [(101, 1), (1500, 300)]


def test_more_kinds_than_are_held_lose_the_usual_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_lines, "MOST_KINDS", 20)
    said = [f"user {chr(97 + n // 26) * 3}{chr(97 + n % 26)} came in by the front door" for n in range(600)]
    said[50] = PUMP
    text = log_of(said)
    retriever = retrieved(text, tmp_path / "a.log")
    assert len(retriever.log.kinds) < 60  # a passage adds some
    assert retriever.log.total == 600
    assert any(one.line.text.endswith(PUMP) for one in retriever.log.unusual(retriever.index, 200))


def test_lines_without_a_time_go_on_from_the_one_before(tmp_path: Path) -> None:
    said = routine(100)
    said[50] = f"{PUMP}\n  at the valve\n  at the house"
    retriever = retrieved(log_of(said), tmp_path / "a.log")
    assert retriever.log.total == 100
    places = {line.text: line.place for passage in retriever.index for line in lines_of(passage)}
    assert places["  at the house"] == "2026-11-29 00:00:50, line 53"
    assert places[log_of(said).splitlines()[60]] == "2026-11-29 00:00:58, line 61"


def test_prose_has_no_lines_of_a_log(tmp_path: Path) -> None:
    assert unusual("It rained all day. " * 300, tmp_path / "a.txt") == []
