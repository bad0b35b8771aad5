"""A log is followed into a state that has a size, can be asked, and is gone on with."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from freqkv_cli.config import Settings
from freqkv_cli.errors import UsageError
from freqkv_cli.events import Done, Event
from freqkv_cli.following.follow import follow
from freqkv_cli.following.tail import StreamTail
from freqkv_cli.states.manifest import read_manifest
from tests.reading.readings import ask_about, read_to, session_of

KEEP = 4000


def line(number: int) -> str:
    """A line of a log."""
    return f"2026-11-29 {number // 3600:02}:{number // 60 % 60:02}:{number % 60:02} worker{number} came\n"


def followed(text: str, state: Path, model: str, **settings: object) -> list[Event]:
    """Follow a pipe to its end."""
    ours, theirs = os.pipe()
    with open(ours, "rb") as stream, open(theirs, "wb") as writer:
        writer.write(text.encode())  # less than a pipe holds
        writer.close()
        pipe = StreamTail(stream)
        return list(follow("-", Settings(model=model, **settings), state, 1000.0, KEEP, pipe=pipe))  # type: ignore[arg-type]


def test_a_pipe_is_followed_and_gone_on_with(tiny: str, tmp_path: Path) -> None:
    state = tmp_path / "log.freqkv"
    first = followed("".join(map(line, range(40))), state, tiny)
    assert isinstance(first[-1], Done)
    assert first[-1].report["lines"] == 40
    second = followed("".join(map(line, range(40, 60))), state, tiny)
    assert isinstance(second[-1], Done)
    assert second[-1].report["lines"] == 60
    session = session_of(state, tiny)
    assert session.retriever is not None
    texts = [passage.text for passage in session.retriever.index]
    assert "\n".join(texts).split() == "".join(map(line, range(60))).split()
    assert list(session.retriever.index)[-1].place.startswith("2026-11-29 00:00:")
    assert session.tokens_read == read_manifest(state).tokens_read == len("".join(map(line, range(60))))


def test_the_state_has_a_size_and_keeps_the_newest(tiny: str, tmp_path: Path) -> None:
    state = tmp_path / "log.freqkv"
    sizes = []
    for start in range(0, 1200, 300):
        followed("".join(map(line, range(start, start + 300))), state, tiny)
        sizes.append(state.stat().st_size)
        session = session_of(state, tiny)
        assert session.retriever is not None
        held = [passage.text for passage in session.retriever.index]
        assert f"worker{start + 299} " in held[-1]
        assert sum(map(len, held)) <= 1.25 * KEEP + 17_000
    assert max(sizes[1:]) < 1.5 * min(sizes[1:])
    assert "worker0 came" not in "".join(held)
    assert ask_about(state, tiny).report["tokens_read"] == sum(len(line(n)) for n in range(1200))


def test_what_was_stopped_in_a_block_goes_on_before_it(tiny: str, tmp_path: Path) -> None:
    log, state = tmp_path / "a.log", tmp_path / "log.freqkv"
    log.write_text("".join(map(line, range(8))))
    events = follow(str(log), Settings(model=tiny), state, 1000.0, KEEP)
    while not (getattr(event := next(events), "tokens_done", 0) >= 8 * len(line(0))):
        assert event
    with log.open("a") as file:
        file.write("".join(map(line, range(8, 30))))
    next(events)
    with pytest.raises(KeyboardInterrupt):
        list(_stopped(events))
    done = read_manifest(state).extra["follow"]["line"] - 1
    assert 8 <= done <= 30
    again = follow(str(log), Settings(model=tiny), state, 0.1, KEEP)
    while read_manifest(state).extra["follow"]["line"] < 31:
        next(again)
    assert read_manifest(state).tokens_read == sum(len(line(number)) for number in range(30))


def _stopped(events: Iterator[Event]) -> Iterator[Event]:
    yield events.throw(KeyboardInterrupt())  # type: ignore[attr-defined]
    yield from events


def test_the_state_of_a_book_is_not_followed_into(tiny: str, tmp_path: Path) -> None:
    book, state = tmp_path / "book.txt", tmp_path / "book.freqkv"
    book.write_text("A short book, no more than a line.\n" * 4)
    read_to(state, book, tiny)
    with pytest.raises(UsageError, match="has an end"):
        followed("a line\n", state, tiny)
