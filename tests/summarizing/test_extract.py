"""Extracts: sentences that stand there, those that are nearest to the whole, or to a topic."""

import pytest

from freqkv_cli.location import Location
from freqkv_cli.retrieval.passage import Passage
from freqkv_cli.summarizing.extract import central_sentence

WHALES = (
    "The whale swam around the ship for many hours.",
    "A large whale struck the ship and broke its mast.",
    "The sailors on the ship feared the white whale.",
    "My aunt makes the best apple cake with cinnamon.",
)


def passages(*texts: str) -> list[Passage]:
    return [Passage(text, number, 0, Location(part=number + 1)) for number, text in enumerate(texts)]


def test_the_sentence_is_about_what_most_are_about() -> None:
    sentence, passage = central_sentence(passages(" ".join(WHALES[:2]), " ".join(WHALES[2:])), "en")
    assert sentence in WHALES[:3]
    assert sentence in passage.text


def test_a_topic_chooses_another() -> None:
    sentence, passage = central_sentence(passages(*WHALES), "en", "baking and sweet dishes")
    assert (sentence, passage.index) == (WHALES[3], 3)


def test_whole_sentences_are_preferred_to_headings_and_scraps() -> None:
    sentence, _ = central_sentence(passages(f"THE WHALE\n\nWhale ship! {WHALES[0]} Whale ship whale ship"), "en")
    assert sentence == WHALES[0]


@pytest.mark.parametrize("text", ["1 2 3 4", "***", "whale"])
def test_there_is_always_something(text: str) -> None:
    sentence, passage = central_sentence(passages(text), "en")
    assert (sentence, passage.text) == (text, text)


def test_a_line_that_stands_for_itself_is_a_sentence() -> None:
    lines = "10:01 ERROR pump P2 has no flow\n10:02 WARN pump P2 stopped\n"
    log = Passage(lines * 40, 0, 0, Location(label="10:01", first_line=1, last_line=80))
    assert central_sentence([log], "en")[0] in lines.splitlines()
