"""The questions of tests/data/answers: many, balanced, and each expression true to its answer and its document."""

import json
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from freqkv_cli.documents.document import open_document
from freqkv_cli.evaluation.question_file import FLAGS

FOLDER = Path(__file__).parents[1] / "data" / "answers"
SPLITS = {"tuned", "held_back"}
REFUSALS = {
    "en": ["The document does not say.", "This is not mentioned in the document.", "Not found."],
    "de": ["Das Dokument sagt dazu nichts.", "Das steht nicht im Dokument."],
    "es": ["El documento no lo dice."],
    "fr": ["Le document ne le dit pas."],
    "zh": ["文档没有说明。", "文中没有提到。"],
}


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FOLDER / name).read_text(encoding="utf-8").splitlines()]


DOCUMENTS = {row["file"]: row for row in rows("documents.jsonl")}
QUESTIONS = rows("questions.jsonl")
SUMMARIES = rows("summaries.jsonl")


@cache
def text_of(name: str) -> str:
    """Return the text of a document, white space folded; skip when it is one that has to be fetched."""
    path = FOLDER / name
    if not path.is_file() and "package" in DOCUMENTS[name]:
        pytest.skip(f"{name} is not there; tests/data/answers/fetch.py fetches it")
    with open_document(str(path)) as document:
        return re.sub(r"\s+", " ", " ".join(page.text for page in document.pages()))


def matches(pattern: str, text: str) -> bool:
    return re.search(pattern, text, FLAGS) is not None


def test_the_questions_are_many_and_balanced() -> None:
    present = [row for row in QUESTIONS if row["a"] is not None]
    assert len(QUESTIONS) >= 140
    assert len({DOCUMENTS[row["file"]]["kind"] for row in QUESTIONS}) >= 10
    assert {document["language"] for document in DOCUMENTS.values()} == REFUSALS.keys()
    assert 0.12 <= 1 - len(present) / len(QUESTIONS) <= 0.2
    assert all((row["kind"] == "absent") == (row["a"] is None) for row in QUESTIONS)
    for split in SPLITS:
        ours = [row for row in QUESTIONS if row["split"] == split]
        assert 0.45 <= len(ours) / len(QUESTIONS) <= 0.55
        assert min(Counter(row["kind"] for row in ours).values()) >= 4
    assert len({(row["file"], row["q"]) for row in QUESTIONS}) == len(QUESTIONS)


def test_documents_are_held_back_whole() -> None:
    assert {row["file"] for row in QUESTIONS} == DOCUMENTS.keys()
    for row in [*QUESTIONS, *SUMMARIES]:
        assert row["split"] == DOCUMENTS[row["file"]]["split"]
        assert row["split"] in SPLITS


def test_the_small_documents_stay_small() -> None:
    fetched = {row["file"] for row in DOCUMENTS.values() if "package" in row}
    ours = [path for path in FOLDER.iterdir() if path.is_file() and path.name not in fetched]
    assert sum(path.stat().st_size for path in ours) < 400_000


@pytest.mark.parametrize("name", DOCUMENTS)
def test_expressions_are_true_to_answers_and_document(name: str) -> None:
    refusals = {*REFUSALS["en"], *REFUSALS[DOCUMENTS[name]["language"]]}
    asked = [row for row in QUESTIONS if row["file"] == name]
    for row in asked:
        if row["a"] is None:
            assert not row.keys() & {"answer", "wrong", "passage"}, row["q"]
            continue
        assert matches(row["a"], row["answer"]), row["q"]
        # Neither a likely mistake, nor the question said again, nor a refusal is a right answer.
        unlike = [row["q"], *refusals, *([row["wrong"]] if "wrong" in row else [])]
        assert [text for text in unlike if matches(row["a"], text)] == [], row["q"]
        assert "follows" not in row or row["follows"] in [other["q"] for other in asked], row["q"]
    for row in asked:
        if "passage" in row:
            assert matches(row["passage"], text_of(name)), row["q"]


@pytest.mark.parametrize("row", SUMMARIES, ids=lambda row: row["file"])
def test_the_topics_of_a_summary_stand_in_their_tenths(row: dict[str, Any]) -> None:
    text = text_of(row["file"])
    assert len(row["first"]) >= 2
    assert [topic["tenth"] for topic in row["topics"]] == sorted(topic["tenth"] for topic in row["topics"])
    for topic in row["topics"]:
        # What a reader adds or leaves out at the head of a document may move the edges of the tenths a little.
        slack = len(text) // 40
        start, end = (len(text) * edge // 10 for edge in (topic["tenth"] - 1, topic["tenth"]))
        assert matches(topic["passage"], text[max(0, start - slack) : end + slack]), topic["passage"]
        assert matches(topic["a"], text), topic["a"]


def test_enough_documents_have_a_known_summary() -> None:
    assert len({row["file"] for row in SUMMARIES}) == len(SUMMARIES) >= 8
    assert {row["split"] for row in SUMMARIES} == SPLITS
