"""Sessions that have only searched their documents, and a model that is played: it writes what a test wants."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

from freqkv_cli.config import Settings
from freqkv_cli.documents import open_documents
from freqkv_cli.events import Event, run_to_end
from freqkv_cli.kvcache.cache import FreqkvCache
from freqkv_cli.reading.open_session import open_session
from freqkv_cli.reading.session import Session
from freqkv_cli.reading.writing import Answer

Result = TypeVar("Result")


def ended(events: Generator[Event, None, Result], seen: list[Event] | None = None) -> Result:
    """Run a generator of events to its end, collect them, and return its result."""
    return run_to_end(events, None if seen is None else seen.append)


def searched(paths: Sequence[Path], model: str, **settings: Any) -> Session:
    """Return a session that has searched documents without reading them."""
    session = ended(open_session(Settings(**{"model": model, "dtype": "float32", "cache_size": 4096, **settings})))
    ended(session.skim(open_documents([str(path) for path in paths])))
    return session


@dataclass
class Played:
    """What stands in the model's place: `write` answers a request, `affirmed` is how surely all texts tell the answer.

    `requests` and `consulted` are what was asked, and the texts that were read again before.
    """

    write: Callable[[str], str]
    affirmed: float = 5.0
    answers: float = 5.0  # and that what was written is an answer at all
    finish_reason: str = "stop"
    requests: list[str] = field(default_factory=list)
    consulted: list[str] = field(default_factory=list)


def install(played: Played, patch: pytest.MonkeyPatch) -> Played:
    """Put it in the model's place."""

    def answer(
        session: Session, request: str, max_tokens: int, *, on: FreqkvCache | None = None, quiet: bool = False
    ) -> Generator[Event, None, Answer]:
        played.requests.append(request)
        yield from ()
        return Answer(played.write(request), tokens=3, finish_reason=played.finish_reason)

    def consult(session: Session, text: str, room: int, *, memory: bool = False) -> FreqkvCache:
        played.consulted.append(text)
        return session.cache

    patch.setattr(Session, "answer", answer)
    patch.setattr(Session, "consult", consult)
    patch.setattr(
        Session,
        "affirms",
        lambda session, on, request: played.answers if "Does this reply" in request else played.affirmed,
    )
    return played
