"""A reading that was stopped goes on: after SIGKILL at any moment, after Ctrl-C, and to the very same state."""

import errno
import os
import random
import signal
import struct
import time
from collections.abc import Callable, Generator
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from safetensors.torch import load_file

from freqkv_cli.config import Settings
from freqkv_cli.documents import open_documents
from freqkv_cli.documents.page import Page
from freqkv_cli.events import Event, Note, Progress
from freqkv_cli.reading.session import ReadSoFar, Session, Timing, Watcher
from freqkv_cli.states import checkpoints
from freqkv_cli.states.manifest import read_manifest
from freqkv_cli.states.opening import open_reading
from freqkv_cli.states.state_cache import states_folder
from freqkv_cli.states.state_file import save_state
from tests.reading.readings import NoteTaker, result_of

KILLS = 12
CHUNK = 48
OF_THE_CLOCK = ("read_on", "read_seconds", "checksum")


@pytest.fixture
def at_every_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checkpoints whatever they cost."""
    monkeypatch.setattr(checkpoints, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(checkpoints, "SHARE", float("inf"))


class Teller:
    """A watcher that tells a pipe after each chunk how many tokens have been read."""

    def __init__(self, session: Session, pipe: int) -> None:
        self.session = session
        self.pipe = pipe

    def add(self, number: int, page: Page) -> None:
        pass

    def after_chunk(self) -> Generator[Event, None, None]:
        os.write(self.pipe, struct.pack("q", self.session.tokens_read))
        yield from ()

    def finish(self) -> Generator[Event, None, None]:
        yield from ()


def reading(
    book: Path, model: str, watch: Callable[[Session], Watcher] | None = None, extra: dict[str, Any] | None = None
) -> Generator[Event, None, Session]:
    """Read in small chunks."""
    return open_reading(open_documents([str(book)]), Settings(model=model, chunk=CHUNK), watch=watch, extra=extra)


def content(path: Path) -> dict[str, Any]:
    """All of a state but the clock."""
    told = read_manifest(path).table()
    return {name: value for name, value in told.items() if name not in OF_THE_CLOCK} | {
        name: tensor.tolist() for name, tensor in load_file(path).items()
    }


def kept_state() -> Path:
    found = list(states_folder().iterdir())
    assert [path.suffix for path in found] == [".freqkv"], found
    return found[0]


def killed(book: Path, model: str, tokens: int, delay: float) -> int:
    """Read in a process of its own that is killed some seconds after so many tokens; return how many it had read."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        torch.set_num_threads(1)  # OpenMP's threads do not come along with a fork, and would be waited for
        os.close(ours)
        try:
            result_of(reading(book, model, lambda session: Teller(session, theirs)))
        finally:
            os._exit(0)
    os.close(theirs)
    read = 0
    with os.fdopen(ours, "rb") as pipe:
        while read < tokens and (told := pipe.read(8)):
            read = struct.unpack("q", told)[0]
        time.sleep(delay)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        while told := pipe.read(8):
            read = struct.unpack("q", told)[0]
    return read


@pytest.mark.usefixtures("at_every_chunk")
def test_killed_at_any_moment_it_ends_in_the_same_state(tiny: str, tmp_path: Path) -> None:
    book = tmp_path / "short.txt"
    book.write_text("".join(f"Line {number} of a story.\n" for number in range(60)))
    whole = result_of(reading(book, tiny)).tokens_read
    expected = content(kept_state())
    kept_state().unlink()
    chance = random.Random(30)
    points = [int((number + chance.random()) / KILLS * whole) for number in range(KILLS)]  # in each part of it
    resumed = 0
    for number, point in enumerate(points):
        read = killed(book, tiny, point, chance.uniform(0, 0.02))
        had_ended = bool(list(states_folder().glob("*.freqkv")))
        session = result_of(reading(book, tiny))  # the same command again, whatever the first one got to
        # All that is lost is the chunk that was being read, and the one whose checkpoint was being written.
        assert session.so_far.tokens_reused >= (whole if had_ended else read - 2 * CHUNK), number
        resumed += not had_ended and session.so_far.tokens_reused > 0
        assert content(kept_state()) == expected, number
        kept_state().unlink()
    assert resumed > KILLS / 2


@pytest.mark.usefixtures("at_every_chunk")
def test_two_processes_at_once_end_well_and_leave_one_state(tiny: str, book: Path) -> None:
    result_of(reading(book, tiny))
    expected = content(kept_state())
    kept_state().unlink()
    children = []
    for _ in range(2):
        child = os.fork()
        if child == 0:
            torch.set_num_threads(1)
            ended = 1
            try:
                ended = int(result_of(reading(book, tiny)).tokens_read != expected["tokens_read"])
            finally:
                os._exit(ended)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0]
    assert content(kept_state()) == expected


def interrupted(events: Generator[Event, None, Session], chunks: int) -> list[Event]:
    """Follow events until some chunks were read; then interrupt, as the terminal does, and return what follows."""
    seen = 0
    for event in events:
        if isinstance(event, Progress) and event.phase == "reading" and event.tokens_done:
            seen += 1
        if seen == chunks:
            break
    rest = [events.throw(KeyboardInterrupt())]
    with pytest.raises(KeyboardInterrupt):
        rest += list(events)
    return rest


def test_an_interrupt_leaves_a_checkpoint(tiny: str, book: Path) -> None:
    whole = result_of(reading(book, tiny))
    expected = content(kept_state())
    kept_state().unlink()
    told = [event.message for event in interrupted(reading(book, tiny), 9) if isinstance(event, Note)]
    assert [path.suffix for path in states_folder().iterdir()] == [".checkpoint"]
    tokens = read_manifest(next(states_folder().iterdir())).tokens_read
    assert told == [
        f"stopped at token {tokens:,}: the same command (without --refresh) goes on from the last checkpoint"
    ]
    events = list(reading(book, tiny))
    assert any(isinstance(event, Note) and event.message == f"resumed at token {tokens:,}" for event in events)
    assert content(kept_state()) == expected
    assert whole.tokens_read > tokens > 2 * CHUNK


def test_an_interrupt_inside_a_forward_leaves_a_checkpoint(
    tiny: str, book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from freqkv_cli.kvcache.layers import FixedLayer

    result_of(reading(book, tiny))
    expected = content(kept_state())
    kept_state().unlink()
    update, calls = FixedLayer.update, 0

    def interrupting(layer: FixedLayer, *arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 22:  # the second of two layers
            raise KeyboardInterrupt
        return update(layer, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(FixedLayer, "update", interrupting)
        with pytest.raises(KeyboardInterrupt):
            result_of(reading(book, tiny))
    assert calls == 22
    assert read_manifest(next(states_folder().glob("*.checkpoint"))).tokens_read > 0
    assert result_of(reading(book, tiny)).so_far.tokens_reused > 0
    assert content(kept_state()) == expected


def test_notes_survive_an_interrupt(tiny: str, book: Path) -> None:
    def noting() -> Generator[Event, None, Session]:
        return reading(book, tiny, NoteTaker, {"effort": "low"})

    whole = result_of(noting()).notes
    kept_state().unlink()
    interrupted(noting(), 9)
    resumed = result_of(noting())
    assert resumed.so_far.tokens_reused > 0
    assert resumed.notes == whole


def test_a_damaged_checkpoint_is_ignored(tiny: str, book: Path) -> None:
    interrupted(reading(book, tiny), 9)
    path = next(states_folder().glob("*.checkpoint"))
    path.write_bytes(path.read_bytes()[:-50] + b"\x55" * 50)
    events = list(reading(book, tiny))
    assert any(isinstance(event, Note) and event.warning and "checkpoint" in event.message for event in events)
    assert read_manifest(kept_state()).complete


@pytest.mark.usefixtures("at_every_chunk")
def test_a_full_disk_is_said_once_and_reading_goes_on(tiny: str, book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoints, "save_state", full)
    events = list(reading(book, tiny))
    told = [event.message for event in events if isinstance(event, Note) and event.warning]
    assert len(told) == 1
    assert "no checkpoint can be written" in told[0]
    assert "No space left on device" in told[0]
    assert read_manifest(kept_state()).tokens_read > 0


def test_checkpoints_keep_to_their_share_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a clock of our own: chunks of one second, checkpoints of half a second."""
    now = 0.0

    def slow(*_: object, **__: object) -> int:
        nonlocal now
        now += 0.5
        return 0

    class Cache:
        nbytes = 75_000_000

    class Reading:
        cache, tokens_read = Cache(), 0
        so_far, timing = ReadSoFar(), Timing(0.0)
        notes: ClassVar[list[str]] = []

    monkeypatch.setattr(checkpoints, "save_state", slow)
    monkeypatch.setattr("time.perf_counter", lambda: now)
    reading = Reading()
    writer = checkpoints.Checkpoints(reading, Path("/none"), {})  # type: ignore[arg-type]
    written, reading_seconds = [], 0
    while reading_seconds < 1000:
        now += 1
        reading_seconds += 1
        before = reading.timing.checkpoints
        list(writer.after_chunk())
        if reading.timing.checkpoints > before:
            written.append(reading_seconds)
    assert reading.timing.checkpoints / now <= 0.03
    assert max(after - one for one, after in pairwise(written)) <= 21


def test_a_checkpoint_is_no_state_for_a_user(tiny: str, book: Path, tmp_path: Path) -> None:
    from freqkv_cli.errors import StateError

    session = result_of(reading(book, tiny))
    session.so_far.restored = None
    save_state(session, tmp_path / "part.freqkv", complete=False)
    with pytest.raises(StateError, match="did not end"):
        result_of(open_reading(open_documents([str(tmp_path / "part.freqkv")]), Settings(model=tiny)))
