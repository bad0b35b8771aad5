"""Many readings share one model; each is what a reading of its own would be."""

from pathlib import Path
from typing import Any

import pytest

from freqkv_cli.batch import shared_model
from freqkv_cli.batch.shared_model import SharedModel
from freqkv_cli.config import Settings
from freqkv_cli.documents import open_documents
from freqkv_cli.errors import UsageError
from freqkv_cli.reading.open_session import load_session
from freqkv_cli.states.opening import open_reading
from tests.reading.readings import read_to, result_of

PINNED = "The question to be answered at the end: Which line?\n\n"


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The plans by which weights were loaded."""
    seen: list[Any] = []

    def counted(plan: Any, *arguments: Any) -> Any:
        seen.append(plan)
        return load_session(plan, *arguments)

    monkeypatch.setattr(shared_model, "load_session", counted)
    return seen


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """A text of a few hundred tokens."""
    path = tmp_path / "text.txt"
    path.write_text("".join(f"Line {number} of a story.\n" for number in range(10)))
    return path


def test_what_is_pinned_is_read_before_the_document(tiny: str, text: Path, loads: list[Any]) -> None:
    shared = SharedModel(Settings(model=tiny, cache=False))
    documents = open_documents([str(text)])
    expected = result_of(open_reading(documents, shared.settings, pinned=PINNED))
    plain = result_of(shared.open_reading(documents, shared.settings))
    pinned = result_of(shared.open_reading(documents, shared.settings, pinned=PINNED))
    assert pinned.prompt.prefix == expected.prompt.prefix != plain.prompt.prefix
    assert pinned.cache.tokens_seen == expected.cache.tokens_seen > plain.cache.tokens_seen
    assert result_of(shared.open_reading(documents, shared.settings, pinned=PINNED)).cache is pinned.cache
    assert len(loads) == 1


def test_a_state_and_a_document_are_read_with_one_model(
    tiny: str, text: Path, tmp_path: Path, loads: list[Any]
) -> None:
    state = tmp_path / "text.freqkv"
    read_to(state, text, tiny, cache_size=300)
    shared = SharedModel(Settings(cache=False))  # auto: the model of the state
    opened, written = open_documents([str(state)]), open_documents([str(text)])
    session = result_of(shared.open_reading(opened, shared.settings))
    assert result_of(shared.open_reading(opened, shared.settings)).cache is session.cache
    other = result_of(shared.open_reading(written, shared.settings))
    assert other.tokens_read == session.tokens_read
    assert other.cache.geometry == session.cache.geometry
    assert result_of(shared.open_reading(opened, shared.settings)).tokens_read == session.tokens_read
    assert len(loads) == 1
    with pytest.raises(UsageError, match="--pin-question"):
        result_of(shared.open_reading(opened, shared.settings, pinned=PINNED))
