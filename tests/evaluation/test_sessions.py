"""freqkv evaluate sessions, from contexts to the table, with tiny models."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import torch

from freqkv_cli.config import Settings
from freqkv_cli.documents.document import open_document
from freqkv_cli.errors import UsageError
from freqkv_cli.evaluation.policy_specs import Contender
from freqkv_cli.evaluation.scbench import open_shared
from freqkv_cli.evaluation.session_figures import AnsweredTurn
from freqkv_cli.evaluation.session_text import Asking, SharedSession
from freqkv_cli.evaluation.sessions import SessionOptions, ask_all, evaluate_sessions, numbered
from freqkv_cli.events import Done, Note, Progress, Text
from freqkv_cli.kvcache.geometry import Geometry
from tests.kvcache.reading import new_cache, random_ids, read_logits
from tests.tiny_folder import save_tiny_model
from tests.tiny_models import tiny_model

SLOTS = 640


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_tiny_model(tmp_path_factory.mktemp("model"), window=4000)


def measure(
    documents: list[Any], model: str, wanted: SessionOptions, **options: Any
) -> tuple[dict[str, Any], str, list[Any]]:
    settings = Settings(model=model, cache_size=SLOTS, seed=3)
    events = list(evaluate_sessions(documents, settings, ("freqkv", "landmarks", "full"), wanted, **options))
    (report,) = [event.report for event in events if isinstance(event, Done)]
    json.dumps(report)
    return report, "".join(event.delta for event in events if isinstance(event, Text)), events


def test_both_modes_ask_the_same(model: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    wanted = SessionOptions(("string", "shots"), 1200, 3)
    report, shown, events = measure([], model, wanted, plot=tmp_path / "s.svg")
    answered = report["answered"]
    assert len(answered) == 3 * 2 * 2 * 3  # policies, modes, kinds, turns
    outcomes = {
        mode: {
            (one["policy"], one["kind"], one["turn"]): (one["rank"], one["exact"])
            for one in answered
            if one["mode"] == mode
        }
        for mode in ("multi-request", "multi-turn")
    }
    first, turns = outcomes["multi-request"], outcomes["multi-turn"]
    assert first.keys() == turns.keys()
    assert all(first[key] == turns[key] for key in first if key[2] == 1)  # nothing has been said yet
    assert first != turns
    assert all(one["choices"] == 8 for one in answered)
    assert [(one["kind"], one["turns"]) for one in report["sessions"]] == [("string", 3), ("shots", 3)]
    assert {row["kind"] for row in report["rows"]} == {"string", "shots", "all"}
    assert (report["command"], report["finish_reason"], report["seed"]) == ("evaluate sessions", "stop", 3)
    assert {"environment", "model", "cache", "documents", "timing"} <= report.keys()
    assert report["model"]["weights"]
    assert "multi-turn" in shown
    assert "landmarks" in shown
    assert "<svg" in (tmp_path / "s.svg").read_text()
    last = [event for event in events if isinstance(event, Progress) and event.phase == "reading"][-1]
    assert last.tokens_done == last.tokens_total
    assert not [event for event in events if isinstance(event, Note) and event.warning]


def test_a_document_is_the_filler(model: str, tmp_path: Path) -> None:
    book = tmp_path / "book.txt"
    book.write_text("And then they went home over the hills and far away. " * 60)
    with open_document(str(book)) as document:
        report, _, _ = measure([document], model, SessionOptions(("string",), 1500, 2, mode="multi-turn"))
    assert [one["name"] for one in report["documents"]] == ["book.txt"]
    assert {one["mode"] for one in report["answered"]} == {"multi-turn"}
    assert report["sessions"][0]["tokens"] > 1400


def test_several_contexts_of_a_kind_differ(model: str) -> None:
    report, _, _ = measure([], model, SessionOptions(("string",), 1000, 1, sessions=3, mode="multi-request"))
    assert [one["session"] for one in report["answered"] if one["policy"] == "freqkv"] == [1, 2, 3]
    assert len({one["rank"] for one in report["answered"]}) > 1


def test_what_has_no_room_is_said(model: str) -> None:
    _, _, events = measure([], model, SessionOptions(("string", "mixed"), 800, 2))
    warnings = [event.message for event in events if isinstance(event, Note) and event.warning]
    assert warnings == ["800 tokens have no room for 2 turns of: mixed"]
    with pytest.raises(UsageError, match="--tokens 90 has no room for 2 turns"):
        measure([], model, SessionOptions(("string", "mixed"), 90, 2))


def test_a_window_that_is_too_short_is_said(model: str) -> None:
    report, shown, events = measure([], model, SessionOptions(("string",), 3900, 2, mode="multi-turn"))
    warnings = [event.message for event in events if isinstance(event, Note) and event.warning]
    assert warnings == ["full is not asked in 1 of 1 sessions: they are longer than its 4000 tokens"]
    assert {row["policy"] for row in report["rows"]} == {"freqkv", "landmarks"}
    assert "full" not in shown


def test_public_contexts(model: str, tmp_path: Path) -> None:
    turns = [{"input": f"The value of {key} is", "answer": value} for key, value in (("a", "11"), ("b", "22"))]
    path = tmp_path / "scbench_kv.jsonl"
    path.write_text(json.dumps({"context": "a 11 b 22 " * 100, "multi_turns": turns}))
    shared = open_shared(str(path), offline=True)
    report, shown, _ = measure([], model, SessionOptions(data=shared, turns=99))
    assert report["data"]["name"] == "scbench_kv"
    assert report["sessions"] == [{"kind": "scbench_kv", "tokens": 999, "turns": 2}]
    assert "guessing puts 50% first" in shown
    report, _, _ = measure([], model, SessionOptions(data=shared, tokens=700))
    assert report["sessions"][0]["tokens"] == 700


def test_ctrl_c_shows_what_there_is(model: str) -> None:
    settings = Settings(model=model, cache_size=SLOTS, seed=3)
    events = cast(
        "Any", evaluate_sessions([], settings, ("freqkv", "full"), SessionOptions(("string", "shots"), 1000, 2))
    )
    for event in events:
        if isinstance(event, Progress) and event.source == "full":
            break
    rest = [events.throw(KeyboardInterrupt()), *events]
    (report,) = [event.report for event in rest if isinstance(event, Done)]
    assert report["finish_reason"] == "interrupted"
    assert {row["policy"] for row in report["rows"]} == {"freqkv"}


def test_turns_lie_behind_the_context_with_their_right_answers() -> None:
    """Against readings of everything at once."""
    tiny, ids = tiny_model("llama"), random_ids(80)
    turns = [Asking("kv", [5, 6], [[7, 8], [9, 10], [11, 12]]), Asking("kv", [6, 5], [[20, 21], [22, 23], [24, 3]])]
    session = SharedSession("kv", ids[:50], turns, [4])

    class Whole:
        loaded = type("Loaded", (), {"model": tiny, "foresight": None})
        window, chunk = 200, 16

    contender = Contender("full", "full", Geometry(200), 200)
    answered: list[AnsweredTurn] = []
    events: Iterator[Any] = ask_all(
        [contender], cast("Any", Whole()), [session], ("multi-request", "multi-turn"), answered
    )
    assert all(isinstance(event, Progress) for event in events)

    @torch.no_grad()
    def rank(before: list[int], turn: Asking) -> int:
        weighed = []
        for answer in turn.answers:
            whole = [*before, *turn.cue, *answer]
            rows = read_logits(tiny, new_cache(tiny, Geometry(200), "full"), whole).log_softmax(-1)
            start = len(whole) - len(answer) - 1
            weighed.append(sum(float(rows[start + place, token]) for place, token in enumerate(answer)))
        return sum(one >= weighed[0] for one in weighed[1:])

    later = [*session.context, 5, 6, 7, 8, 4]
    expected = [rank(session.context, turns[0]), rank(session.context, turns[1])]
    expected += [rank(session.context, turns[0]), rank(later, turns[1])]
    assert [one.rank for one in answered] == expected
    assert [(one.mode, one.turn) for one in answered] == [
        ("multi-request", 1),
        ("multi-request", 2),
        ("multi-turn", 1),
        ("multi-turn", 2),
    ]


def test_sessions_are_numbered_within_their_kind() -> None:
    sessions = [SharedSession(kind, [], [], []) for kind in ("kv", "kv", "hops", "kv")]
    assert [number for number, _ in numbered(sessions)] == [1, 2, 1, 3]
