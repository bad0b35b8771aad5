"""Which sentence says who or what something is."""

import pytest

from freqkv_cli.answering.definitions import find_definition, subject_of
from freqkv_cli.retrieval.index import PassageIndex
from freqkv_cli.retrieval.passage import Passage

TEXTS = (
    'It was growing late, and Mr. Pell had not come. "I saw Mr. Pell," said Anne, "on the road."',
    "Mr. Pell was a tall and silent man of fifty. The farm is sold. Anne laughed at Mr. Pell for being late.",
    "This came from her cousin, Martha Grey, who kept an inn. A hoist lifts loads. Hoists are tools of the port.",
    "The tackle was broken, and the hoist was late again.",
)


@pytest.fixture
def index() -> PassageIndex:
    index = PassageIndex()
    for number, text in enumerate(TEXTS):
        index.add(Passage(text, index=number, document=0, page=number + 1))
    return index


@pytest.mark.parametrize(
    ("question", "subject"),
    [
        ("Who is Mr. Pell?", "Mr. Pell"),
        ("who was Martha Grey", "Martha Grey"),
        ("What is a hoist?", "hoist"),
        ("What's the Debian Policy Manual?", "Debian Policy Manual"),
        ("Who is the owner of the farm?", ""),
        ("Who sold the farm?", ""),
        ("What is the name of the farm?", ""),
        ("What is the price of a loaf?", ""),
        ("What is she?", ""),
        ("Why is Mr. Pell late?", ""),
    ],
)
def test_questions_for_the_nature_of_something(question: str, subject: str) -> None:
    assert subject_of(question) == subject


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("Who is Mr. Pell?", "Mr. Pell was a tall and silent man of fifty."),
        ("Who is Martha Grey?", "This came from her cousin, Martha Grey, who kept an inn."),
        ("What is a hoist?", "Hoists are tools of the port."),
    ],
)
def test_the_sentence_that_says_it(question: str, sentence: str, index: PassageIndex) -> None:
    found = find_definition(question, index)
    assert found is not None
    assert found.sentence.text == sentence
    assert sentence in found.passage.text


@pytest.mark.parametrize("question", ["What is the tackle?", "Who is Anne?", "Who is Zorblax Quill?", "Who came late?"])
def test_what_no_sentence_defines(question: str, index: PassageIndex) -> None:
    assert find_definition(question, index) is None
