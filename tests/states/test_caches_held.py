"""Every cache that a task holds is in the estimate that is made before loading, which comes near to the peak."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from weakref import WeakSet

import pytest

from freqkv_cli.answering import answer
from freqkv_cli.answering.ask import ask
from freqkv_cli.answering.ask_many import ask_many
from freqkv_cli.answering.conversation import Conversation
from freqkv_cli.answering.question_list import Question
from freqkv_cli.answering.verification import Citation
from freqkv_cli.config import Settings
from freqkv_cli.documents import Document, open_documents
from freqkv_cli.events import run_to_end
from freqkv_cli.kvcache.cache import FreqkvCache
from freqkv_cli.models.memory import CACHES
from freqkv_cli.reading.plan import make_plan
from freqkv_cli.retrieval.passage import Passage
from freqkv_cli.states.opening import open_reading
from freqkv_cli.summarizing import notes
from freqkv_cli.summarizing.summarize import summarize
from tests.held_bytes import HeldBytes
from tests.reading.readings import followed, session_of
from tests.tiny_folder import save_tiny_model

Task = Callable[[list[Document], Settings], Iterable[object]]


@pytest.fixture(autouse=True)
def _taken_for_a_large_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tiny model says nothing that any passage bears out, and is thought too small to write: let both pass."""

    def first(text: str, question: str, passages: Sequence[Passage], language: str, titles: str) -> list[Citation]:
        return [Citation(text, "quoted", passages[0], "Line")]

    monkeypatch.setattr(answer, "check", first)
    monkeypatch.setattr(notes, "WRITER", 0)


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

    monkeypatch.setattr(FreqkvCache, "__init__", counted)
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
    assert len(held) >= 3  # the one that reads, and one or more for each question
    assert max(held) == CACHES


def test_a_summary_holds_as_many_caches_as_are_estimated(held: list[int], model: str, book: Path) -> None:
    followed(summarize(open_documents([str(book)]), Settings(model=model, max_tokens=8, cache=False, cache_size=4096)))
    assert max(held) <= CACHES


def chat(documents: list[Document], settings: Settings) -> Iterator[object]:
    conversation = Conversation(run_to_end(open_reading(documents, settings)))
    for question in ("Which line?", "And which story?"):
        yield from conversation.ask(question)


def ask_twice(documents: list[Document], settings: Settings) -> Iterator[object]:
    questions = ("Which line?", "Which story?")
    yield from ask_many(documents, [Question(number, text) for number, text in enumerate(questions, 1)], settings)


TASKS: dict[str, Task] = {
    "ask": lambda documents, settings: ask(documents, "Which line?", settings),
    "ask --questions": ask_twice,
    "chat": chat,
    "summarize": summarize,
}


@pytest.fixture(scope="module")
def layered(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model whose caches are most of what it takes, as those of long readings are."""
    return save_tiny_model(tmp_path_factory.mktemp("layered"), window=2048, layers=12)


@pytest.mark.parametrize("task", TASKS)
def test_the_estimate_is_near_the_peak(task: str, layered: str, book: Path) -> None:
    """Within 10 %: of weights, caches and what the layers work with, counted tensor by tensor."""
    settings = Settings(model=layered, dtype="float32", max_tokens=8, cache=False, cache_size=2048, chunk=64)
    estimate = run_to_end(make_plan(settings)).estimate
    with HeldBytes() as held:
        for _ in TASKS[task](open_documents([str(book)]), settings):
            pass
    assert estimate.total == pytest.approx(held.peak, rel=0.1)
    assert estimate.total - estimate.cache / CACHES < 0.9 * held.peak  # with one cache less it would be seen
