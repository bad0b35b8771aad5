"""The counts of answers made by hand, and their table."""

from typing import Any, get_args

import pytest

from freqkv_cli.evaluation.answer_report import answer_row, answers_table, rows, tally
from freqkv_cli.evaluation.question_file import Question
from freqkv_cli.evaluation.verdicts import AnswerRecord, Citation, Scored, Verdict
from freqkv_cli.measurement.table import table


def scored(
    verdict: Verdict,
    *,
    absent: bool = False,
    document: str = "a",
    method: str = "ask",
    split: str = "tune",
    **rest: Any,
) -> Scored:
    question = Question("1", "Who?", None if absent else "x", split=split)
    record = AnswerRecord("text", rest.pop("seconds", 1.0), citations=rest.pop("citations", ()))
    return Scored(document, method, question, record, verdict, **rest)


def test_present_and_absent_are_counted_apart() -> None:
    counts = tally(
        [
            scored("right", seconds=1.0, passage_reached=True, citations=(Citation("q", 1),), citations_standing=1),
            scored("wrong", seconds=2.0, passage_reached=False, citations=(Citation("q", 1),)),
            scored("wrong"),
            scored("not found"),
            scored("not found", absent=True),
            scored("wrong", absent=True),
            scored("wrong", absent=True, seconds=8.0),
        ]
    )
    assert {name: (rate["hits"], rate["total"]) for name, rate in counts.items() if name != "seconds"} == {
        "right": (1, 4),
        "wrong": (2, 4),
        "refused": (1, 4),
        "absent_told": (1, 3),
        "passage_reached": (1, 2),
        "citations_standing": (1, 2),
    }
    assert counts["seconds"] == pytest.approx(15 / 7, abs=1e-3)


def test_every_verdict_on_a_present_answer_is_counted_once() -> None:
    for verdict in get_args(Verdict):
        counts = tally([scored(verdict)])
        assert sum(counts[name]["hits"] for name in ("right", "wrong", "refused")) == 1


def test_rows_by_document_and_split_and_over_all() -> None:
    found = rows(
        [
            scored("right", document="a", split="tune"),
            scored("wrong", document="a", split="test"),
            scored("right", document="b", split="test"),
            scored("right", document="b", split="test", method="window"),
        ]
    )
    hits = {(row["document"], row["split"], row["method"]): row["right"]["hits"] for row in found}
    assert hits == {
        ("a", "tune", "ask"): 1,
        ("a", "test", "ask"): 0,
        ("a", "all", "ask"): 1,
        ("b", "test", "ask"): 1,
        ("b", "test", "window"): 1,
        ("all", "tune", "ask"): 1,
        ("all", "test", "ask"): 1,
        ("all", "test", "window"): 1,
        ("all", "all", "ask"): 2,
        ("all", "all", "window"): 1,
    }


def test_the_table_holds_every_row() -> None:
    found = rows([scored("right"), scored("wrong", method="window", absent=True)])
    shown = answers_table({"model": {"id": "tiny"}, "cache": {"cache_size": 64}, "rows": found})
    assert shown.startswith("tiny, 64 slots\n\na, split tune\n\n| method")
    assert "| ask    | 1/1 100% (21-100) " in shown
    assert shown.count("\n| window | - ") == 1
    assert "0/1 0% (0-79)" in shown


def test_a_row_of_the_report_is_json() -> None:
    row = answer_row(scored("right", citations=(Citation("words", lines=(3, 4)),), citations_standing=1))
    assert row["citations"] == [{"quote": "words", "page": None, "part": None, "lines": (3, 4), "verified": False}]
    assert (row["verdict"], row["expected"], row["citations_standing"]) == ("right", "x", 1)


def test_a_table_is_aligned_and_keeps_its_bars() -> None:
    assert table(("a", "b|c"), [("xxxx", "y")]) == "| a    | b\\|c |\n|------|------|\n| xxxx | y    |\n"
