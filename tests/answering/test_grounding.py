"""What a model wrote, held against the text: names, numbers, who did what, and "not"."""

import pytest

from freqkv_cli.answering.grounding import Grounds, answers, says
from freqkv_cli.summarizing.prose import split_sentences

TEXT = (
    "Catherine was delighted with this extension of her Bath acquaintance, and almost forgot Mr. Tilney while she "
    "talked to Miss Thorpe. Removing the old acmefoo will remove libacme, which will break any packages that depend "
    "on it. Mr. Bingley did not take the house for 5 years."
)


@pytest.mark.parametrize(
    ("sentence", "words", "names"),
    [
        ("Catherine was delighted with this extension of her Bath acquaintance.", True, True),
        (
            "Catherine was delighted with the extension of her Bath acquaintance, and almost forgot Mr. Tilney.",
            True,
            True,
        ),
        # the right words about the wrong person
        ("Miss Thorpe was delighted with this extension of her Bath acquaintance.", False, True),
        # a meaning turned round with two small words
        ("Removing the old acmefoo will remove libacme, which is a package that depends on it.", False, True),
        ("Mr. Bingley did take the house for 5 years.", False, True),
        ("Mr. Bingley did not take the house for 7 years.", False, False),
        ("Mr. Darcy did not take the house for 5 years.", False, False),
        # a piece that lost its sense
        ("Catherine was delighted.", False, True),
        ("Bingley loved to hunt foxes with his sisters.", False, False),
    ],
)
def test_what_is_kept(sentence: str, words: bool, names: bool) -> None:
    grounds = Grounds.of([TEXT])
    assert grounds.hold(sentence, "words") is words
    assert grounds.hold(sentence, "names") is names


def test_an_empty_sentence_says_nothing() -> None:
    assert not says("Anna met Boris.", "...")


@pytest.mark.parametrize(
    ("question", "answer", "said"),
    [
        ("Whose acquaintance delighted Catherine?", "Catherine was delighted with her Bath acquaintance.", True),
        ("How long did Mr. Bingley not take the house?", "He did not take it for 5 years.", True),
        ("How long did Mr. Bingley not take the house?", "He did not take it for 7 years.", False),
        # a "not" that the text does not have
        ("What did Catherine forget?", "Catherine did not forget Mr. Tilney.", False),
        # names that stand there apart from each other
        ("Whom did she forget?", "She forgot Catherine Tilney.", False),
        # nothing that the question does not say
        ("What does Catherine do in Bath?", "Catherine does it in Bath.", False),
        # right words of another sentence than the one that is asked about
        ("What will break the house of Mr. Bingley?", "The house of Mr. Bingley will break libacme.", False),
    ],
)
def test_what_an_answer_adds_must_be_said(question: str, answer: str, said: bool) -> None:
    assert any(answers(sentence, question, answer) for sentence in split_sentences(TEXT)) is said
