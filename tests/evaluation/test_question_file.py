"""Question files: what they may hold, and that those of freqkv are balanced and true to their documents."""

import hashlib
import json
import re
from pathlib import Path

import pytest

from freqkv_cli.documents.document import open_document
from freqkv_cli.errors import FreqkvError, InputError, UsageError
from freqkv_cli.evaluation.question_file import UNSPLIT, bundled_names, parse_questions, read_question_file
from freqkv_cli.evaluation.summaries import read_whole

DATA = Path(__file__).parents[3] / "shared" / "data"
WHO = '{"id": "1", "q": "Who?", "a": "Ann"}'


def test_a_file_with_a_header() -> None:
    header = '{"document": "x.txt", "title": "X", "source": "here", "sha256": "ab"}'
    absent = '{"id": "2", "q": "When?", "a": null, "where": null, "split": "test"}'
    file = parse_questions("x", f"{header}\n\n{WHO}\n{absent}\n")
    assert (file.document, file.title, file.source, file.sha256) == ("x.txt", "X", "here", "ab")
    first, second = file.questions
    assert (first.answer, first.passage, first.split, first.where) == ("Ann", "Ann", UNSPLIT, None)
    assert (second.answer, second.passage, second.split) == (None, None, "test")


def test_a_file_without_a_header_and_with_a_passage() -> None:
    (question,) = parse_questions("x", '{"id":"1","q":"?","a":"3","where":0.5,"page":7,"passage":"3 dogs"}').questions
    assert (question.passage, question.where, question.page) == ("3 dogs", 0.5, 7)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "holds no question"),
        (WHO + "\nno json", "line 2 is not a JSON object"),
        ("[1]", "line 1 is not a JSON object"),
        ('{"id": "1", "q": "Who?"}', "line 1: a question needs id, q and a"),
        ('{"id": "1", "q": "Who?", "a": "("}', "line 1: a is not a regular expression"),
        ('{"id": "1", "q": "Who?", "a": 5}', "line 1: a is not a regular expression"),
        ('{"id": "1", "q": "Who?", "a": "x", "passage": "["}', "line 1: passage is not a regular expression"),
        (f"{WHO}\n{WHO}", "line 2: the id 1 is taken"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(text: str, problem: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_questions("x", text)
    assert problem in caught.value.message
    assert "\n" not in caught.value.message


def test_a_path_or_a_name(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(WHO, encoding="utf-8")
    assert read_question_file(str(path)).name == "mine"
    assert read_question_file("northanger_abbey").name == "northanger_abbey"
    with pytest.raises(UsageError, match=r"neither a question file .* northanger_abbey"):
        read_question_file("nothing")
    path.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(FreqkvError, match="cannot be read"):
        read_question_file(str(path))


def test_the_bundled_questions_are_many_and_balanced() -> None:
    files = [read_question_file(name) for name in bundled_names()]
    everything = [question for file in files for question in file.questions]
    assert len(files) >= 4
    assert len(everything) >= 72
    assert len({question.id for question in everything}) == len(everything)
    assert len({question.text for question in everything}) == len(everything)
    for file in files:
        assert all((file.document, file.title, file.source))
        assert re.fullmatch("[0-9a-f]{64}", file.sha256 or "")
        assert len(file.questions) >= 12
        for answered in (True, False):
            splits = [one.split for one in file.questions if (one.answer is not None) == answered]
            assert splits.count("tune") == splits.count("test") == len(splits) / 2
        absent = sum(question.answer is None for question in file.questions)
        assert absent * 3 == len(file.questions)


def test_every_bundled_answer_matches_no_question_and_every_absent_one_has_no_place() -> None:
    for name in bundled_names():
        for question in read_question_file(name).questions:
            if question.answer is None:
                assert (question.where, question.page, question.passage) == (None, None, None)
            else:
                assert question.where is not None
                assert 0 <= question.where <= 1
                # An answer that only says the question again must not count as right.
                assert not re.search(question.answer, question.text, re.IGNORECASE), question.id


@pytest.mark.parametrize("name", ["northanger_abbey", "sense_and_sensibility", "developers_reference"])
def test_the_bundled_answers_stand_in_their_documents(name: str) -> None:
    file = read_question_file(name)
    path = DATA / (file.document or "")
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    assert hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256
    with open_document(str(path)) as document:
        text = re.sub(r"\s+", " ", read_whole(document)[0])
        pages = {page.number: re.sub(r"\s+", " ", page.text) for page in document.pages()}
    for question in file.questions:
        if question.answer is None or question.passage is None or question.where is None:
            continue
        places = [match.start() / len(text) for match in re.finditer(question.passage, text, re.IGNORECASE)]
        assert min(abs(place - question.where) for place in places) < 0.01, question.id
        if document.has_pages:
            assert question.page is not None
            assert re.search(question.passage, pages[question.page], re.IGNORECASE), question.id
            assert re.search(question.answer, pages[question.page], re.IGNORECASE), question.id


def test_the_format_is_what_json_reads(tmp_path: Path) -> None:
    for name in bundled_names():
        folder = Path(__file__).parents[2] / "freqkv_cli" / "evaluation" / "questions"
        rows = [json.loads(line) for line in (folder / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
        assert set(rows[0]) == {"document", "title", "source", "sha256"}
        assert all({"id", "q", "a", "where", "split"} <= row.keys() for row in rows[1:])
