"""Every cache that a task holds is in the estimate that is made before loading."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from weakref import WeakSet

import pytest

from freqkv_cli.answering import answer
from freqkv_cli.answering.conversation import Conversation
from freqkv_cli.answering.verification import Citation
from freqkv_cli.config import Settings
from freqkv_cli.documents import open_documents
from freqkv_cli.kvcache.cache import FreqkvCache
from freqkv_cli.models.memory import CACHES
from freqkv_cli.retrieval.passage import Passage
from freqkv_cli.summarizing.summarize import summarize
from tests.reading.readings import followed, session_of
from tests.tiny_folder import save_tiny_model


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by how many caches there are, whenever one is made."""
    alive: WeakSet[FreqkvCache] = WeakSet()
    counts: list[int] = []
    start = FreqkvCache.__init__

    def counted(cache: FreqkvCache, *args: Any, **options: Any) -> None:
        start(cache, *args, **options)
        alive.add(cache)
        counts.append(len(alive))

    def first(text: str, question: str, passages: Sequence[Passage], language: str) -> list[Citation]:
        return [Citation(text, "quoted", passages[0], "Line")]  # the tiny model says nothing that any passage bears out

    monkeypatch.setattr(FreqkvCache, "__init__", counted)
    monkeypatch.setattr(answer, "check", first)
    return counts


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model that reads bytes, with room for passages and a question."""
    return save_tiny_model(tmp_path_factory.mktemp("model"), window=4096)


def test_a_chat_holds_as_many_caches_as_are_estimated(held: list[int], model: str, book: Path) -> None:
    conversation = Conversation(session_of(book, model, max_tokens=6, cache=False, cache_size=4096))
    for question in ("Which line?", "And which story?"):
        for _ in conversation.ask(question):
            pass
    assert conversation.reply is not None
    assert len(held) >= 5  # the one that reads, and two for each question
    assert max(held) == CACHES


def test_a_summary_holds_as_many_caches_as_are_estimated(held: list[int], model: str, book: Path) -> None:
    followed(summarize(open_documents([str(book)]), Settings(model=model, max_tokens=8, cache=False, cache_size=4096)))
    assert max(held) <= CACHES
