"""Which questions lean on the one before, and what they are looked up with."""

import pytest

from freqkv_cli.answering.follow_up import leans, looked_up_for
from freqkv_cli.retrieval.vocabulary import Vocabulary

VOCABULARY = Vocabulary()
VOCABULARY.add("Elizabeth and Charlotte Lucas")
WHO = "Who is Elizabeth's best friend?"
FRIEND = "Her best friend is Charlotte Lucas, said Zorblax Quill."


@pytest.mark.parametrize(
    "question",
    [
        "And her sister?",
        "What about the garden behind the old house in Kent?",
        "How old is she?",
        "What did he tell Elizabeth about Darcy?",
        "Who is the housekeeper there?",
        "Why?",
    ],
)
def test_a_question_that_goes_on_leans(question: str) -> None:
    assert leans(question)
    assert looked_up_for(question, WHO, FRIEND, VOCABULARY) == f"Elizabeth Charlotte Lucas {question}"


@pytest.mark.parametrize(
    "question",
    [
        "Who is Mr. Collins?",
        "What does Mr. Bingley say that he will do?",
        "How many packages does the archive hold?",
        "Which author is honoured by a tribute in the manual?",
    ],
)
def test_a_question_that_stands_alone_is_looked_up_alone(question: str) -> None:
    assert not leans(question)
    assert looked_up_for(question, WHO, FRIEND, VOCABULARY) == question


def test_without_names_all_words_of_the_question_before_help() -> None:
    before = "How large may a source package be?"
    assert (
        looked_up_for("And a binary one?", before, "as large as needed.", VOCABULARY) == f"{before} And a binary one?"
    )
