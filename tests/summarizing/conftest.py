"""A voyage in six chapters, searched by a tiny model, whose writing is played."""

from collections.abc import Callable
from pathlib import Path

import pytest

from freqkv_cli.reading.session import Session
from freqkv_cli.summarizing import notes as noting
from tests.reading.conftest import _nothing_kept, _own_cache, book, reader, tiny  # noqa: F401
from tests.reading.playing import Played, install, searched

EVENTS = (
    "The pilot Ambrose brought the grey frigate into the harbour of Tromso at dawn in spring.",
    "Doctor Bertram lost all his scales and bottles when the second wave broke over the deck.",
    "Old Cuthbert traded seven barrels of salted herring for a parrot that spoke only Portuguese.",
    "Captain Dunstan forbade every card game after two gunners had staked their winter boots.",
    "The carpenter Edmund built a raft from hatches, tar and rope while icebergs drifted near.",
    "Young Fulbert saw land first and won the golden guinea nailed to the mainmast by order.",
)
FILLER = "It rained on them and they were wet. " * 9
CHAPTERS = [f"CHAPTER {number}\n\n{FILLER}\n\n{event} {FILLER}\n\n" for number, event in enumerate(EVENTS, 1)]


@pytest.fixture(scope="session")
def voyage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of it: about 5,000 tokens of the tiny model."""
    path = tmp_path_factory.mktemp("texts") / "voyage.txt"
    path.write_text("".join(CHAPTERS))
    return path


@pytest.fixture
def session(reader: str, voyage: Path) -> Session:  # noqa: F811
    """A session that has searched it, and reads nothing."""
    return searched([voyage], reader)


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[str], str]], Played]:
    """Lets a function write in the model's place, whatever the size of the model; sections are of a chapter each."""
    monkeypatch.setattr(noting, "WRITER", 0)
    monkeypatch.setattr(noting, "WORDS", {"low": 150, "medium": 150, "high": 75})
    return lambda write: install(Played(write), monkeypatch)
