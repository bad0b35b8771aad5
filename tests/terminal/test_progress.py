"""When progress is written, and how."""

import dataclasses
import io
from collections.abc import Callable

import pytest
from rich.console import Console

from freqkv_cli.events import Progress
from freqkv_cli.terminal.progress import DrawnProgress, LoggedProgress, NoProgress, open_progress
from tests.commands.fakes import reading


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def logged(clock: Clock) -> tuple[LoggedProgress, Callable[[], list[str]]]:
    file = io.StringIO()
    return LoggedProgress(Console(file=file, width=80), clock), lambda: file.getvalue().splitlines()


Logged = tuple[LoggedProgress, Callable[[], list[str]]]


def test_a_line_at_each_step_and_each_tenth(logged: Logged, clock: Clock) -> None:
    progress, lines = logged
    progress.say("loading smollm2")
    progress.update(Progress("loading", source="smollm2"))
    for step in range(1001):
        clock.now += 0.2
        progress.update(reading(step / 1000))
    progress.update(Progress("answering", tokens_done=1))
    progress.update(Progress("answering", tokens_done=2))
    assert [line.split(",")[0] for line in lines()] == [
        "freqkv: loading smollm2",
        *(f"freqkv: reading pride_and_prejudice.pdf: {percent}%" for percent in range(0, 101, 10)),
        "freqkv: answering: 1 token",
    ]


def test_a_line_every_half_minute_when_it_is_slow(logged: Logged, clock: Clock) -> None:
    progress, lines = logged
    for second in range(0, 301):
        clock.now = float(second)
        progress.update(reading(second / 100_000))
    assert len(lines()) == 11


def test_a_short_document_is_not_a_flood(logged: Logged, clock: Clock) -> None:
    progress, lines = logged
    for step in range(101):
        clock.now += 0.005
        progress.update(reading(step / 100))
    assert len(lines()) == 1


def test_lines_are_not_wrapped_and_not_markup(logged: Logged) -> None:
    progress, lines = logged
    progress.say("loading [red]model[/red] " + "x" * 200)
    assert lines() == ["freqkv: loading [red]model[/red] " + "x" * 200]


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_the_drawing_is_two_lines_and_leaves_nothing(width: int) -> None:
    file = io.StringIO()
    console = Console(file=file, width=width, height=24, force_terminal=True, color_system=None)
    progress = DrawnProgress(console)
    long = "[red]" + "name" * 30
    for shown in (reading(0.5), dataclasses.replace(reading(0.5), source=long), Progress("answering", tokens_done=3)):
        progress.update(shown)
        lines = console.render_lines(progress._draw(), pad=False)
        assert len(lines) <= 2
        assert all(sum(segment.cell_length for segment in line) < width for line in lines)
    progress.stop()
    progress.stop()
    assert file.getvalue().endswith("\x1b[?25h\r\x1b[2K\x1b[1A\x1b[2K") or file.getvalue().endswith("\x1b[2K")


def test_what_suits_stderr() -> None:
    file = io.StringIO()
    assert isinstance(open_progress(Console(file=file), quiet=True), NoProgress)
    assert isinstance(open_progress(Console(file=file, force_terminal=True), quiet=False), LoggedProgress)
