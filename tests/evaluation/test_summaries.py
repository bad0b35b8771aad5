"""Measuring summaries: scores of small texts, a tiny model that extracts, the table, what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from freqkv_cli.config import Settings
from freqkv_cli.errors import InputError, UsageError
from freqkv_cli.evaluation import summaries
from freqkv_cli.evaluation.summaries import Expected, evaluate_summaries, measure, read_expected
from freqkv_cli.evaluation.summary_scores import (
    Topic,
    invented,
    mentioned,
    order,
    own_sentences,
    repeated,
)
from freqkv_cli.events import Done, Note, Progress, Text
from tests.tiny_folder import save_tiny_model

DOCUMENT = (
    "The miller Hans owned 1,200 sheep in 1868. His brother Otto left for Bremen. In the end the mill burned down."
)
ROW = {
    "file": "mill.txt",
    "split": "tuned",
    "first": ["story", "mill"],
    "topics": [{"tenth": 1, "a": "sheep"}, {"tenth": 5, "a": "bremen"}, {"tenth": 10, "a": "burn"}],
    "end": "burn",
}


def report_of(*sentences: str) -> dict[str, Any]:
    """What summarize reports of these sentences."""
    return {
        "text": " ".join(sentences),
        "citations": [{"sentence": sentence} for sentence in sentences],
        "notes": [{"text": "A note."}],
        "extract": False,
        "tokens_read": 30,
        "model": {},
        "cache": {},
        "timing": {"read_s": 3.0, "notes_s": 2.0, "answer_s": 1.0},
    }


@pytest.fixture
def expected(tmp_path: Path) -> list[Expected]:
    (tmp_path / "mill.txt").write_text(DOCUMENT, encoding="utf-8")
    path = tmp_path / "s.jsonl"
    path.write_text(json.dumps(ROW) + "\n", encoding="utf-8")
    return read_expected([str(path)])


def test_a_summary_is_measured(expected: list[Expected]) -> None:
    found = measure(
        expected[0],
        DOCUMENT,
        report_of(
            "A story about a mill and its sheep.",
            "Hans and Berta had 1200 sheep in 1870.",
            "In the end the mill burned down.",
            "And so, in the end, the mill burned down.",
        ),
    )
    assert (found["topics_told"], found["topics"], found["topics_missed"]) == (2, 3, ["bremen"])
    assert (found["tenths_told"], found["tenths"]) == (2, 3)
    assert (found["first_told"], found["first"], found["end_told"]) == (2, 2, True)
    assert (found["own"], found["sentences"]) == (3, 4)
    assert found["invented"] == ["Berta", "1870"]
    assert found["repeated"] == ["And so, in the end, the mill burned down."]
    assert found["order"] == 1.0
    assert (found["read_s"], found["notes_s"], found["write_s"]) == (3.0, 2.0, 1.0)


def test_order_is_that_of_the_document_or_the_opposite() -> None:
    topics = [Topic(1, "one"), Topic(5, "two"), Topic(9, "three")]
    assert order(mentioned(topics, ["About.", "one", "two", "three"])) == 1
    assert order(mentioned(topics, ["About.", "three", "two", "one"])) == -1
    assert order(mentioned(topics, ["About.", "one", "three", "two"])) == pytest.approx(1 / 3)
    assert order(mentioned(topics, ["one and two"])) is None
    # What the first sentence says of the whole counts where the summary comes to it.
    assert order(mentioned(topics, ["three", "one", "two", "three"])) == 1


def test_a_topic_may_be_told_over_two_sentences() -> None:
    assert mentioned([Topic(1, "hans.*otto")], ["Hans left.", "Otto stayed."]) == [(Topic(1, "hans.*otto"), 1)]
    assert mentioned([Topic(1, "otto.*hans")], ["Hans left.", "Otto stayed."]) == []


def test_own_sentences_are_those_that_the_document_has_not() -> None:
    assert own_sentences(["his brother otto left for Bremen", "Otto left Bremen."], DOCUMENT) == 1
    assert (
        own_sentences(["\u8336\u9986\u5728\u6cb3\u8fb9\u3002"], "\u4e91\u6eaa\u8336\u9986\u5728\u6cb3\u8fb9\u3002") == 0
    )


def test_numbers_and_names_that_the_document_has_are_not_invented() -> None:
    assert invented(["It had 1200 or 1.200, in 1868, 3 of 12:30."], DOCUMENT) == ["12:30"]
    assert invented(["It is about Hans, Otto\u2019s brother, in Bremen with Carl."], DOCUMENT) == ["Carl"]
    assert invented(["It is about Hans and his friend Otis."], DOCUMENT) == ["Otis"]
    assert invented(["They say that Ann had sheep."], "Nobody planned a mill.") == ["Ann"]  # not the one in "planned"


def test_repetitions() -> None:
    assert repeated(["The mill burned down.", "The mill burned down again.", "Short.", "Short."]) == [
        "The mill burned down again."
    ]


def test_a_document_is_summarised_and_written_to_the_rows(
    expected: list[Expected], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = report_of("A story about a mill.", "Hans had sheep.")

    def play(documents: Any, settings: Settings) -> Any:
        assert [document.name for document in documents] == [str(tmp_path / "mill.txt")]
        yield Progress("reading")
        yield Text("not to be shown")
        yield Done(told)

    monkeypatch.setattr(summaries, "summarize", play)
    missing = Expected(tmp_path / "missing.txt", ())
    events = list(evaluate_summaries([*expected, missing], Settings(), tmp_path / "rows.jsonl"))
    (table,) = (event.delta for event in events if isinstance(event, Text))
    assert "| mill.txt | 1/3" in table
    assert "missing.txt, not measured" in table
    assert any(isinstance(event, Note) and event.warning for event in events)
    assert isinstance(events[-1], Done)
    rows = events[-1].report["summaries"]
    assert [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text("utf-8").splitlines()] == rows
    assert (rows[0]["topics_told"], rows[0]["error"]) == (1, None)

    told["finish_reason"] = "interrupted"
    *_, done = evaluate_summaries(expected, Settings())
    assert isinstance(done, Done)
    assert (done.report["finish_reason"], done.report["summaries"]) == ("interrupted", [])


def test_what_is_no_summary_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    for row, problem in (
        ({"file": "a.txt"}, "line 1: topics: Field required"),
        ({**ROW, "end": "("}, "line 1: end: .*no regular expression"),
    ):
        path.write_text(json.dumps(row), encoding="utf-8")
        with pytest.raises(InputError, match=problem):
            read_expected([str(path)])
    path.write_text(json.dumps(ROW), encoding="utf-8")
    for names, split in (([], "all"), ([str(path)], "held_back")):
        with pytest.raises(UsageError, match="no summaries to measure"):
            read_expected(names, None, split)
    assert read_expected([str(path)], "elsewhere")[0].path == Path("elsewhere/mill.txt")


def test_the_memory_alone_can_be_asked(expected: list[Expected], tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model")
    settings = Settings(model=model, cache=False, cache_size=1800, policy="window", max_tokens=1)
    *_, done = evaluate_summaries(expected, settings, memory=True)
    assert isinstance(done, Done)
    (row,) = done.report["summaries"]
    assert (row["error"], row["extract"], row["cache"]["policy"], row["notes"]) == (None, False, "window", [])
    assert len(row["text"]) <= 1  # a token is a byte
