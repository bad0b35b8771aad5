"""What a question asks for, and how an answer to it would begin."""

import pytest

from freqkv_cli.answering.wanted import Wanted, lead_in, what_is_wanted


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("Who signed the contract?", Wanted.PERSON),
        ("Whose house is it?", Wanted.PERSON),
        ("Which clergyman cousin is to inherit the estate?", Wanted.PERSON),
        ("What is the first name of Mr. Hill's sister?", Wanted.PERSON),
        ("Who is Mr. Hill?", Wanted.OTHER),
        ("Where do they meet?", Wanted.PLACE),
        ("In which town is the regiment quartered?", Wanted.PLACE),
        ("What is the name of Lady Hill's residence?", Wanted.PLACE),
        ("What is the name of the horse that he rides?", Wanted.NAME),
        ("How is the hosting service called?", Wanted.NAME),
        ("How many pages are there?", Wanted.NUMBER),
        ("What is the income of Mr. Hill per year?", Wanted.NUMBER),
        ("In which month and year did it end?", Wanted.OTHER),
        ("What relation is Colonel Hill to him?", Wanted.OTHER),
        ("Of what illness did the General's wife die?", Wanted.OTHER),
        ("Why did it fail?", Wanted.OTHER),
        ("", Wanted.OTHER),
    ],
)
def test_the_kind_of_answer(question: str, wanted: Wanted) -> None:
    assert what_is_wanted(question) is wanted


@pytest.mark.parametrize(
    ("question", "beginning"),
    [
        ("What is the name of the house?", "The name of the house is"),
        ("what was  his income per year ?", "His income per year was"),
        ("What are the blocks called?", "The blocks called are"),
        ("What is it?", ""),
        ("What is the best, and why?", ""),
        ("Who signed it?", ""),
    ],
)
def test_the_beginning_of_an_answer(question: str, beginning: str) -> None:
    assert lead_in(question) == beginning
