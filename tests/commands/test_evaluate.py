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
from freqkv_cli.evaluation import answers, needle, perplexity, sessions, spectrum, summaries
from freqkv_cli.events import Done, Event, Text

Run = Callable[..., Result]


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
    monkeypatch.setattr(perplexity, "evaluate_perplexity", play)
    monkeypatch.setattr(needle, "evaluate_recall", play)
    monkeypatch.setattr(sessions, "evaluate_sessions", play)
    monkeypatch.setattr(spectrum, "evaluate_spectrum", play)
    return called


def test_answers_passes_on_what_was_asked_for(freqkv: Run, asked: dict[str, Any]) -> None:
    command = ["evaluate", "answers", "northanger_abbey", "a.txt", "raid_and_lvm", "--folder", "pages"]
    options = ["--methods", "window, memory", "--limit", "2", "--split", "tuned", "--rows", "r.jsonl"]
    result = freqkv(*command, *options, "--kinds", "absent", "--cache-size", "64")
    assert result.exception is None
    assert result.stdout == "a table\n"
    examinations, settings, ways, rows = asked["arguments"]
    assert [(str(one.path), [question.answer for question in one.questions]) for one in examinations] == [
        ("a.txt", [None, None]),
        ("pages/advanced-administration.html", [None, None]),
    ]
    assert settings.cache_size == 64
    assert (ways, rows) == (("memory", "window"), Path("r.jsonl"))


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["answers"], "no questions"),
        (["answers", "nothing", "a.txt"], "neither a JSON Lines file nor one of those"),
        (["answers", "northanger_abbey", "a.txt", "--kinds", "riddle"], "no question is of that split and kind"),
        (["answers", "northanger_abbey", "a.txt", "--methods", "magic"], "there is no method 'magic'"),
        (["summaries"], "no summaries to measure"),
        (["summaries", "nothing.jsonl"], "neither a JSON Lines file"),
        (["perplexity"], "no document"),
        (["perplexity", "a.txt", "--policies", "freqkv,magic"], "--policies: there is no magic"),
        (["perplexity", "a.txt", "--policies", ","], "--policies names none"),
        (["perplexity", "a.txt", "--tokens", "many"], "--tokens must be a whole number"),
        (["perplexity", "a.txt", "--tokens", "1"], "--tokens must be 2 or more"),
        (["recall", "--policies", "window@2"], "behind @ stands a share"),
        (["recall", "--kinds", "riddles"], "--kinds: there is no riddles"),
        (["recall", "--kinds", "pairs", "--query-first"], "--query-first asks for the passkey"),
        (["sessions", "--policies", "magic"], "--policies: there is no magic"),
        (["sessions", "--kinds", "kv,riddles"], "--kinds: there is no riddles"),
        (["sessions", "--kinds", ","], "--kinds names nothing"),
        (["sessions", "--mode", "chat"], "--mode: there is no chat"),
        (["sessions", "--turns", "25"], "--turns must be 24 or fewer, not 25"),
        (["sessions", "--tokens", "1"], "--tokens must be 2 or more"),
        (["sessions", "--data", "scbench_magic"], "neither a file nor a task of microsoft/SCBench"),
        (["sessions", "a.txt", "--data", "scbench_kv"], "--data brings its own contexts"),
        (["spectrum"], "no document"),
        (["spectrum", "a.txt", "--energy", "1"], "--energy must be between 0 and 1"),
    ],
)
def test_what_cannot_be_is_refused(freqkv: Run, asked: dict[str, Any], arguments: list[str], problem: str) -> None:
    result = freqkv("evaluate", *arguments)
    assert isinstance(result.exception, UsageError)
    assert problem in result.exception.message
    assert asked == {}


def test_summaries_pass_on_what_was_asked_for(freqkv: Run, asked: dict[str, Any]) -> None:
    file = str(Path(__file__).parents[1] / "data" / "answers" / "summaries.jsonl")
    result = freqkv("evaluate", "summaries", file, "--folder", "texts", "--split", "tuned", "--json")
    assert result.stdout == '{"command": "evaluate", "rows": [], "text": "a table\\n"}\n'
    expected, settings, rows = asked["arguments"]
    assert {(str(one.path.parent), one.split) for one in expected} == {("texts", "tuned")}
    assert (settings.length, rows) == ("medium", None)


def test_memories_are_measured_as_asked_for(freqkv: Run, asked: dict[str, Any]) -> None:
    options = [
        "--cache-size",
        "1K",
        "--recent-tokens",
        "128",
        "--tokens",
        "32k",
        "--plot",
        "p.svg",
        "--reference",
        "full",
    ]
    result = freqkv("evaluate", "perplexity", "a.txt", "b.txt", "--policies", "window@0.75, full", *options)
    assert result.exception is None
    documents, settings, labels, tokens, plot, adapters, reference = asked["arguments"]
    assert (len(documents), settings.cache_size, settings.recent_tokens) == (2, 1024, 128)
    assert (labels, tokens, str(plot), adapters, reference) == (("window@0.75", "full"), 32_000, "p.svg", None, "full")


def test_recall_needs_no_document(freqkv: Run, asked: dict[str, Any]) -> None:
    assert freqkv("evaluate", "recall", "--kinds", "passkey", "--query-first", "--items", "3").exception is None
    documents, _, labels, wanted, plot, _ = asked["arguments"]
    assert (documents, plot) == ([], None)
    assert {"freqkv", "window", "landmarks"} <= set(labels)
    assert (wanted.tokens, wanted.kinds, wanted.items, wanted.first) == (8000, ("passkey",), 3, True)


def test_sessions_are_made_up_unless_data_is_given(freqkv: Run, asked: dict[str, Any], tmp_path: Path) -> None:
    options = ["--kinds", "kv,mixed", "--tokens", "16k", "--turns", "5", "--sessions", "2", "--mode", "multi-turn"]
    assert freqkv("evaluate", "sessions", *options, "--seed", "4").exception is None
    documents, settings, labels, wanted, plot = asked["arguments"]
    assert (documents, settings.seed, plot, "landmarks" in labels) == ([], 4, None, True)
    assert wanted == sessions.SessionOptions(("kv", "mixed"), 16_000, 5, 2, "multi-turn")
    (tmp_path / "scbench_kv.jsonl").touch()
    assert (
        freqkv("evaluate", "sessions", "--data", str(tmp_path / "scbench_kv.jsonl"), "--turns", "99").exception is None
    )
    wanted = asked["arguments"][3]
    assert (wanted.data.name, wanted.tokens, wanted.modes) == ("scbench_kv", None, sessions.MODES)


def test_sessions_ask_for_every_kind_by_default(freqkv: Run, asked: dict[str, Any]) -> None:
    assert freqkv("evaluate", "sessions").exception is None
    assert asked["arguments"][3] == sessions.SessionOptions()


def test_spectrum_takes_a_share_of_the_energy(freqkv: Run, asked: dict[str, Any]) -> None:
    assert freqkv("evaluate", "spectrum", "a.txt", "--energy", "0.95", "--tokens", "2K").exception is None
    assert asked["arguments"][2:] == (2048, 0.95, None)


def test_by_default_every_policy_takes_part_that_can_read_on() -> None:
    """A new policy must not be forgotten in the table."""
    named = {label.partition("@")[0] for label in POLICIES.split(",")}
    assert named == set(choices("policy")) - {"full"}
