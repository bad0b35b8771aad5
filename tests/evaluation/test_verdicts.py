"""Verdicts on answers made by hand."""

import pytest

from freqkv_cli.evaluation.question_file import Question
from freqkv_cli.evaluation.verdicts import (
    AnswerRecord,
    Citation,
    judge,
    passage_reached,
    says_not_found,
    score,
    stands_there,
)

WHERE = Question("1", "Where does Ann live?", r"\byork\b", passage="lives in York")
ABSENT = Question("2", "Where was Ann born?", None)


@pytest.mark.parametrize(
    ("question", "text", "verdict"),
    [
        (WHERE, "Ann lives in YORK.", "right"),
        (WHERE, "Ann lives in Yorkshire.", "wrong"),
        (WHERE, "", "wrong"),
        (WHERE, "Ann lives in Leeds, not in York.", "wrong"),
        (WHERE, "She does not live in Leeds but in York.", "right"),
        (WHERE, "She is not tall, and lives in York.", "right"),
        (WHERE, "She isn\u2019t from York.", "wrong"),
        (WHERE, "The document says York, but it does not specify the street.", "right"),
        (WHERE, "She lives in York. The street is not given in the text.", "right"),
        (WHERE, "The document does not say. York is an old town.", "not found"),
        (WHERE, "The document tells of Ann but does not specify where she lives.", "not found"),
        (WHERE, "The document does not say where Ann lives.", "not found"),
        (WHERE, "It is not mentioned in the document whether it is York.", "not found"),
        (ABSENT, "Ann was born in York.", "wrong"),
        (ABSENT, "There is no information about this.", "not found"),
    ],
)
def test_verdicts(question: Question, text: str, verdict: str) -> None:
    assert judge(question, AnswerRecord(text)) == verdict


def test_the_flag_of_the_tool_counts_as_its_words_do() -> None:
    assert judge(WHERE, AnswerRecord("York, perhaps", not_found=True)) == "not found"
    assert judge(ABSENT, AnswerRecord("", not_found=True)) == "not found"


@pytest.mark.parametrize(
    "text",
    [
        "The document does not mention the price.",
        "The passages above do not contain the answer.",
        "This doesn\u2019t matter; the text doesn\u2019t say it.",
        "The name is not given in the text.",
        "Her birthday is not explicitly stated anywhere in the given passages.",
        "I could not find the answer.",
        "I don't know.",
        "There is no mention of a horse.",
        "Not found.",
        "Unknown",
        "It is unclear from what is written.",
        "The answer cannot be determined.",
        "The provided text does not provide information about his regiment.",
        "I was unable to find it.",
        "They lost much, but it doesn't specify how much.",
        "No other details are mentioned about her.",
    ],
)
def test_refusals(text: str) -> None:
    assert says_not_found(text)


@pytest.mark.parametrize(
    "text",
    [
        "He does not say goodbye to her.",
        "The general was not mentioned by Isabella.",
        "No, it is not accepted in shops.",
        "She did not know that he was there.",
        "Nobody could find the key, and the document was lost.",
        "The Document Foundation gives it away.",
        "They are not given food.",
        "Because it had no doors.",
    ],
)
def test_answers_that_only_hold_a_negation(text: str) -> None:
    assert not says_not_found(text)


def test_the_passage_with_the_answer() -> None:
    assert passage_reached(WHERE, AnswerRecord("", passages=("x", "She lives\nin York."))) is True
    assert passage_reached(WHERE, AnswerRecord("", passages=("York is far.",))) is False
    assert passage_reached(WHERE, AnswerRecord("")) is None
    assert passage_reached(ABSENT, AnswerRecord("", passages=("x",))) is None


@pytest.mark.parametrize(
    ("quote", "text", "stands"),
    [
        ("Ann lives", "Then ann\n  lives here", True),
        ("\u201cAnn lives\u201d", 'said: "Ann, lives"', True),
        ("well known", "It is well-\nknown", False),
        ("wellknown", "It is well-\nknown", True),
        ("It is well- known", "It is well-\n  known", True),
        ("Ann lives", "Ann does", False),
        ("", "anything", False),
        ("...", "anything", False),
    ],
)
def test_cited_words(quote: str, text: str, stands: bool) -> None:
    assert stands_there(quote, text) is stands


def test_a_score_counts_the_citations_that_stand() -> None:
    places = {3: "Ann lives in York.", 4: "Bob."}
    record = AnswerRecord("York", citations=(Citation("in York", 3), Citation("in York", 4), Citation("x", None)))
    scored = score("doc", "ask", WHERE, record, lambda citation: places.get(citation.page or 0, ""))
    assert (scored.verdict, scored.citations_standing, scored.passage_reached) == ("right", 1, None)
