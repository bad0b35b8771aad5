"""Question files: what is read, which document goes with which question, what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from freqkv_cli.errors import FreqkvError, InputError, UsageError
from freqkv_cli.evaluation.question_file import chosen, examinations, read_questions

ROWS: list[dict[str, Any]] = [
    {"file": "a.txt", "q": "Who?", "a": "ann", "kind": "name", "split": "tuned", "passage": "Ann came"},
    {"file": "b.txt", "q": "When?", "a": None, "split": "held_back"},
    {"file": "a.txt", "q": "Why?", "a": "rain", "split": "held_back", "follows": "Who?"},
]


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def test_documents_are_found_beside_the_questions_or_in_the_folder(tmp_path: Path) -> None:
    name = write(tmp_path / "q.jsonl", ROWS)
    write(tmp_path / "documents.jsonl", [{"file": "a.txt", "kind": "novel", "sha256": "ab"}])
    first, second = examinations([name])
    assert (first.path, first.kind, first.sha256) == (tmp_path / "a.txt", "novel", "ab")
    assert [question.text for question in first.questions] == ["Who?", "Why?"]
    assert (second.path, second.kind, second.questions[0].kind) == (tmp_path / "b.txt", None, "absent")
    assert [one.path for one in examinations([name], "elsewhere")] == [Path("elsewhere/a.txt"), Path("elsewhere/b.txt")]
    question = first.questions[0]
    assert (question.answer, question.kind, question.split, question.passage) == ("ann", "name", "tuned", "Ann came")
    assert first.questions[1].follows == "Who?"


def test_a_document_may_be_named_behind_its_questions(tmp_path: Path) -> None:
    nameless = write(tmp_path / "n.jsonl", [{"id": "n1", "q": "Who?", "a": "ann"}])
    named = write(tmp_path / "q.jsonl", ROWS[:1])
    found = examinations([nameless, "novel.jsonl", named, "other.txt", named])
    assert [one.path for one in found] == [Path("novel.jsonl"), Path("other.txt"), tmp_path / "a.txt"]
    assert found[0].questions[0].kind == "fact"


def test_questions_on_several_documents_are_not_asked_of_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is about 2 documents"):
        examinations([write(tmp_path / "q.jsonl", ROWS), "a.txt"])


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([], "holds no question"),
        ([{"q": "Who?", "a": "ann"}], "does not say which document"),
        ([{"file": "a.txt", "q": "Who?"}], "line 1: a: Field required"),
        ([{"file": "a.txt", "q": "Who?", "a": "("}], "a: .*no regular expression"),
        ([{"file": "a.txt", "q": "Who?", "a": 5}], "a: Input should be a valid string"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, rows: list[dict[str, Any]], problem: str) -> None:
    with pytest.raises(FreqkvError, match=problem):
        examinations([write(tmp_path / "q.jsonl", rows)])


def test_lines_that_are_no_objects_and_files_that_are_not_there_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text('{"file": "a", "q": "Who?", "a": null}\n[1]\n', encoding="utf-8")
    with pytest.raises(InputError, match="line 2: a JSON object a line"):
        read_questions(str(path))
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="UTF-8"):
        read_questions(str(path))
    with pytest.raises(UsageError, match="nothing is no file"):
        read_questions("nothing")
    with pytest.raises(UsageError, match="no questions"):
        examinations([])


def test_questions_are_chosen_by_split_kind_and_number(tmp_path: Path) -> None:
    write(tmp_path / "documents.jsonl", [{"file": "a.txt", "kind": "novel"}])
    asked = examinations([write(tmp_path / "q.jsonl", ROWS)])

    def texts(*arguments: Any) -> list[str]:
        return [question.text for one in chosen(asked, *arguments) for question in one.questions]

    assert texts() == ["Who?", "Why?", "When?"]
    assert texts("held_back") == ["Why?", "When?"]
    assert texts("all", ["novel"]) == ["Who?", "Why?"]
    assert texts("all", ["absent", "name"]) == ["Who?", "When?"]
    assert texts("all", [], 1) == ["Who?", "When?"]
    with pytest.raises(UsageError, match="kinds of question: absent, fact, name"):
        texts("tuned", ["absent"])


BOOKS = Path(__file__).parents[1] / "data" / "books"


@pytest.mark.parametrize("name", [file.name for file in BOOKS.glob("*.jsonl") if file.name != "documents.jsonl"])
def test_the_questions_on_books_are_complete(name: str) -> None:
    (one,) = examinations([str(BOOKS / name)], "folder")
    assert one.path.parent == Path("folder")
    assert one.kind in ("novel", "manual")
    assert one.sha256 is not None
    assert len(one.questions) == 18
    for split in ("tuned", "held_back"):
        ours = [question for question in one.questions if question.split == split]
        assert len(ours) == 9
        assert sum(question.answer is None for question in ours) == 3
    assert all((question.passage is None) == (question.answer is None) for question in one.questions)
