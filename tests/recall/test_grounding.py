"""What a model wrote, held against the text: names, numbers, who did what, and "not"."""

import pytest

from freqkv_cli.recall.grounding import Grounds, says

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
