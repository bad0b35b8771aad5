"""Rates of sessions by mode, kind and turn, and their table."""

from typing import Any

from freqkv_cli.evaluation.session_figures import AnsweredTurn, by_turn, rows
from freqkv_cli.evaluation.session_table import COLUMNS, session_table, width_of


def answered(mode: str, kind: str, ranks: list[int], policy: str = "freqkv", choices: int = 8) -> list[AnsweredTurn]:
    return [
        AnsweredTurn(policy, mode, kind, 1, turn, kind, choices, rank, rank == 0 and turn == 1)
        for turn, rank in enumerate(ranks, 1)
    ]


EVERY = [
    *answered("multi-request", "kv", [0, 0, 2]),
    *answered("multi-turn", "kv", [0, 3, 1]),
    *answered("multi-request", "shots", [1, 0, 0], choices=4),
    *answered("multi-turn", "shots", [0, 0, 5], choices=4),
]


def test_rows() -> None:
    found = {(row["mode"], row["kind"]): row for row in rows(EVERY)}
    assert {key: row["first"]["hits"] for key, row in found.items()} == {
        ("multi-request", "kv"): 2,
        ("multi-request", "shots"): 2,
        ("multi-request", "all"): 4,
        ("multi-turn", "kv"): 1,
        ("multi-turn", "shots"): 2,
        ("multi-turn", "all"): 3,
    }
    assert found["multi-turn", "all"]["first"]["total"] == 6
    assert found["multi-turn", "all"]["exact"]["hits"] == 2
    assert [found["multi-turn", kind]["chance"] for kind in ("kv", "shots", "all")] == [0.125, 0.25, 0.1875]
    assert [row["kind"] for row in rows(answered("multi-turn", "kv", [0]))] == ["kv"]  # no sum of one


def test_by_turn() -> None:
    found = [row for row in by_turn(EVERY) if row["mode"] == "multi-turn"]
    assert [(row["turn"], row["first"]["hits"], row["first"]["total"]) for row in found] == [
        (1, 2, 2),
        (2, 1, 2),
        (3, 0, 2),
    ]
    spans = [row for row in by_turn(EVERY, 2) if row["mode"] == "multi-request"]
    assert [(row["turn"], row["until"], row["first"]["hits"], row["first"]["total"]) for row in spans] == [
        (1, 2, 3, 4),
        (3, 3, 1, 2),
    ]


def test_table() -> None:
    report: dict[str, Any] = {
        "model": {"id": "tiny"},
        "cache": {"cache_size": 64},
        "seed": 3,
        "sessions": [{"kind": "kv", "tokens": 1200}, {"kind": "shots", "tokens": 1100}],
        "rows": rows([*EVERY, *answered("multi-turn", "kv", [0], policy="full")]),
    }
    shown = session_table(report, by_turn(EVERY, 2))
    assert "tiny, 64 slots, contexts of up to 1,200 tokens, seed 3" in shown
    assert "| freqkv | 2/1/3 | 2/0/3 | 4/6 67% (30-90) |" in shown
    assert "| full   | 1/1/1 | -     | 1/1 100% (21-100) |" in shown
    assert "| policy | mode          | 1-2   | 3     |" in shown
    assert "guessing puts 12% to 25% first" in shown
    assert session_table({**report, "rows": []}, []) == "nothing has been asked\n"


def test_turns_share_columns() -> None:
    assert [width_of(turns) for turns in (1, COLUMNS, COLUMNS + 1, 24)] == [1, 1, 2, 4]
