"""A pipe without an end is followed, and one with an end is read as ever."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from freqkv_cli.config import Settings
from freqkv_cli.following import endless
from freqkv_cli.following.endless import endless_input
from freqkv_cli.following.follow import follow
from freqkv_cli.states.manifest import read_manifest
from tests.following.test_follow import line
from tests.reading.readings import ask_about

LINES = "".join(map(line, range(20))).encode()


@pytest.fixture
def pipe() -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """Both ends of a pipe."""
    ours, theirs = os.pipe()
    with open(ours, "rb") as stream, open(theirs, "wb", buffering=0) as writer:
        yield stream, writer


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endless, "PATIENCE", 0.05)
    monkeypatch.setattr(sys, "stdin", sys.stdin)  # to be put back


def test_a_pipe_that_goes_on_can_be_asked_meanwhile_and_gone_on_with(
    tiny: str, tmp_path: Path, pipe: tuple[IO[bytes], IO[bytes]]
) -> None:
    stream, writer = pipe
    state, settings = tmp_path / "log.freqkv", Settings(model=tiny)
    writer.write(LINES)
    tail = endless_input(stream, state, settings)
    assert tail is not None
    events = follow("-", settings, state, 0.01, pipe=tail)
    while not state.exists():
        next(events)
    assert ask_about(state, tiny).report["tokens_read"] == len(LINES)
    # Killed here; started again it goes on at once, without waiting for an end.
    read, write = os.pipe()
    with open(read, "rb") as again, open(write, "wb") as more:
        more.write(LINES)
        more.close()
        tail = endless_input(again, state, settings)
        assert tail is not None
        list(follow("-", settings, state, pipe=tail))
    assert read_manifest(state).tokens_read == 2 * len(LINES)
    assert read_manifest(state).extra["follow"]["line"] == 41


def test_a_pipe_that_ends_is_stdin_as_it_was(tmp_path: Path, pipe: tuple[IO[bytes], IO[bytes]]) -> None:
    stream, writer = pipe
    sent = LINES + b"\x00\xff no line"
    writer.write(sent)
    writer.close()
    assert endless_input(stream, tmp_path / "a.freqkv", Settings()) is None
    assert sys.stdin.buffer.read() == sent


def test_what_is_no_text_is_waited_for(
    tmp_path: Path, pipe: tuple[IO[bytes], IO[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    stream, writer = pipe
    writer.write(b"%PDF-1.7\n")
    judged = endless.gives_lines

    def then_ended(*arguments: object) -> bool:
        writer.write(b"the rest")
        writer.close()
        return judged(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(endless, "gives_lines", then_ended)
    assert endless_input(stream, tmp_path / "a.freqkv", Settings()) is None
    assert sys.stdin.buffer.read() == b"%PDF-1.7\nthe rest"


def test_with_places_the_end_is_waited_for(tmp_path: Path, pipe: tuple[IO[bytes], IO[bytes]]) -> None:
    assert endless_input(pipe[0], tmp_path / "a.freqkv", Settings(until="45%")) is None
