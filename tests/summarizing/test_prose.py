"""What a model wrote, made fit to be printed: one test for each kind of rubbish."""

import pytest

from freqkv_cli.summarizing.prose import alike, is_chat, is_echo, says_again, split_sentences, whole_sentences


def test_an_unfinished_end_is_trimmed() -> None:
    assert whole_sentences("Anna met Boris. They walked to the") == ["Anna met Boris."]
    assert whole_sentences("They walked to the") == []


def test_marks_of_lists_go_and_paragraphs_end_sentences() -> None:
    text = '- Anna met **Boris**.\n- "They left."\n\n2. Nobody knew\nwhy.\n\nA title\n\nIt rained.'
    assert whole_sentences(text) == ["Anna met **Boris**.", "They left.", "Nobody knew why.", "It rained."]


def test_quotation_marks_inside_a_sentence_stay() -> None:
    assert whole_sentences('She said "no" and left.') == ['She said "no" and left.']


def test_abbreviations_and_addresses_do_not_end_a_sentence() -> None:
    text = "Mr. Darcy wrote to team@security. debian.org at once. He left."
    assert list(split_sentences(text)) == ["Mr. Darcy wrote to team@security. debian.org at once.", "He left."]


@pytest.mark.parametrize(
    "sentence",
    [
        "Sure, I can do that.",
        "Here is a summary of the part.",
        "I hope this helps!",
        "In this section, Anna meets Boris.",
        "The passage describes a walk.",
        "The original sentence was too long.",
        "As an AI language model, I cannot read.",
        "It is told in about 150 words.",
    ],
)
def test_chat(sentence: str) -> None:
    assert is_chat(sentence)


@pytest.mark.parametrize(
    "sentence", ["Anna is sure, Boris is not.", "He hoped it would help.", "The passage Anna took."]
)
def test_what_only_looks_like_chat(sentence: str) -> None:
    assert is_chat(sentence) is sentence.startswith(
        "The passage"
    )  # rather one too many: it is the model's, not the text's


def test_an_echo_of_the_instruction() -> None:
    request = "Write a note on this part in one short sentence, in the words and with the names used above."
    assert is_echo("Write a note on this part, with the names used above.", request)
    assert not is_echo("Anna met Boris on this part of the road.", request)


def test_repetitions() -> None:
    earlier = ["Anna met Boris at the old station in the rain of May."]
    assert says_again("Anna met Boris at the station in the rain of May.", earlier)
    assert says_again("Later it was told that Anna met Boris at the old station in the rain, and left.", earlier)
    assert not says_again("Boris met nobody at the station.", earlier)
    assert not alike([], ["a"])
