"""freqkv evaluate: which questions go with which document, and what is refused before anything is loaded."""

import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.testing import Result

from freqkv_cli.commands.evaluate import POLICIES
from freqkv_cli.config import choices
from freqkv_cli.errors import UsageError
from freqkv_cli.evaluation import answers, summaries
from freqkv_cli.evaluation import memory as memory_task
from freqkv_cli.events import Done, Event, Text

Run = Callable[..., Result]
BOOKS = Path(__file__).parents[1] / "data" / "books"
NOVEL, MANUAL = str(BOOKS / "northanger_abbey.jsonl"), str(BOOKS / "raid_and_lvm.jsonl")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Plays the measuring and the documents; holds what they were called with."""
    called: dict[str, Any] = {}

    def play(*arguments: Any, **options: Any) -> Iterator[Event]:
        called.update(options, arguments=arguments)
        yield Text("a table\n")
        yield Done({"command": "evaluate", "rows": []})

    documents = ModuleType("freqkv_cli.documents.document")
    documents.open_documents = lambda sources, **_: [nullcontext(source) for source in sources]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, documents.__name__, documents)
    monkeypatch.setattr(answers, "evaluate_answers", play)
    monkeypatch.setattr(summaries, "evaluate_summaries", play)
    monkeypatch.setattr(memory_task, "evaluate_memory", play)
    return called


def test_answers_passes_on_what_was_asked_for(freqkv: Run, asked: dict[str, Any]) -> None:
    command = ["evaluate", "answers", NOVEL, MANUAL, "--folder", "pages"]
    options = ["--methods", "window, memory", "--limit", "2", "--split", "tuned", "--rows", "r.jsonl"]
    result = freqkv(*command, *options, "--kinds", "absent", "--cache-size", "64")
    assert result.exception is None
    assert result.stdout == "a table\n"
    examinations, settings, ways, rows = asked["arguments"]
    assert [(str(one.path), [question.answer for question in one.questions]) for one in examinations] == [
        ("pages/northanger_abbey.txt", [None, None]),
        ("pages/advanced-administration.html", [None, None]),
    ]
    assert settings.cache_size == 64
    assert (ways, rows) == (("memory", "window"), Path("r.jsonl"))


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["answers"], "no questions"),
        (["answers", "nothing"], "nothing is no file"),
        (["answers", NOVEL, "--kinds", "riddle"], "no question is of that split and kind"),
        (["answers", NOVEL, "--methods", "magic"], "there is no method 'magic'"),
        (["summaries"], "no summaries to measure"),
        (["summaries", "nothing.jsonl"], "nothing.jsonl is no file"),
        (["memory"], "no document"),
        (["memory", "a.txt", "--policies", "freqkv,magic"], "--policies: there is no magic"),
        (["memory", "a.txt", "--policies", ","], "--policies names none"),
        (["memory", "a.txt", "--policies", "window@2"], "behind @ stands a share"),
        (["memory", "a.txt", "--tokens", "many"], "--tokens must be a whole number"),
        (["memory", "a.txt", "--tokens", "1"], "--tokens must be 2 or more"),
    ],
)
def test_what_cannot_be_is_refused(freqkv: Run, asked: dict[str, Any], arguments: list[str], problem: str) -> None:
    result = freqkv("evaluate", *arguments)
    assert isinstance(result.exception, UsageError)
    assert problem in result.exception.message
    assert asked == {}


def test_summaries_pass_on_what_was_asked_for(freqkv: Run, asked: dict[str, Any]) -> None:
    file = str(Path(__file__).parents[1] / "data" / "answers" / "summaries.jsonl")
    result = freqkv("evaluate", "summaries", file, "--folder", "texts", "--split", "tuned", "--memory", "--json")
    assert result.stdout == '{"command": "evaluate", "rows": [], "text": "a table\\n"}\n'
    expected, settings, rows = asked["arguments"]
    assert {(str(one.path.parent), one.split) for one in expected} == {("texts", "tuned")}
    assert (settings.length, rows, asked["memory"]) == ("medium", None, True)


def test_memories_are_measured_as_asked_for(freqkv: Run, asked: dict[str, Any]) -> None:
    cache = ["--cache-size", "1K", "--recent-tokens", "128"]
    options = ["--tokens", "32k", "--facts", "5", "--plot", "p.svg", "--reference", "full"]
    result = freqkv("evaluate", "memory", "a.txt", "b.txt", "--policies", "window@0.75, full", *cache, *options)
    assert result.exception is None
    documents, settings, labels, wanted = asked["arguments"]
    assert (len(documents), settings.cache_size, settings.recent_tokens) == (2, 1024, 128)
    assert (labels, wanted.tokens, wanted.facts) == (("window@0.75", "full"), 32_000, 5)
    assert (str(wanted.plot), wanted.adapters, wanted.reference) == ("p.svg", None, "full")


def test_by_default_every_policy_takes_part_that_can_read_on() -> None:
    """A new policy must not be forgotten in the table."""
    named = {label.partition("@")[0] for label in POLICIES.split(",")}
    assert named == set(choices("policy")) - {"full"}
