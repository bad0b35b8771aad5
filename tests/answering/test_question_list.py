"""Lines of questions: what they ask, and what is wrong with those that ask nothing."""

import json

import pytest

from freqkv_cli.answering.question_list import LONGEST, Question, parse_questions


def test_text_and_json_may_be_mixed_and_keep_their_order() -> None:
    lines = [
        "\ufeffWho?\r\n".encode(),
        b'{"q": " Where? ", "id": "w"}\n',
        b'{"question": "When?", "id": 7, "more": []}\n',
        "  Übrig?".encode(),
    ]
    assert list(parse_questions(lines)) == [
        Question(1, "Who?"),
        Question(2, "Where?", "w"),
        Question(3, "When?", 7),
        Question(4, "Übrig?"),
    ]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"\n", "the question is empty"),
        (b'{"q": " "}', "the question is empty"),
        (b'{"q": 3}', 'the line has no text as "q" or "question"'),
        (b'{"ask": "who?"}', 'the line has no text as "q" or "question"'),
        (b'{"q": "who?"', "the line is not valid JSON"),
        (b"{" * 100_000, "the line is not valid JSON"),
        (b'{"q": "who?", "id": {}}', "the id is neither text nor a number"),
        (b"\xff\xfe who?", "the question is not UTF-8 text"),
        (b"w" * (LONGEST + 1), "the question is longer than 100,000 characters"),
    ],
)
def test_a_line_that_asks_nothing_says_why_and_the_next_one_is_asked(line: bytes, problem: str) -> None:
    bad, good = parse_questions([line, b"who?"])
    assert bad.problem.startswith(problem)
    assert len(bad.text) <= LONGEST
    assert good == Question(2, "who?")


def test_the_id_of_a_bad_question_is_kept() -> None:
    (bad,) = parse_questions([json.dumps({"id": "a", "q": None}).encode()])
    assert (bad.id, bool(bad.problem)) == ("a", True)
