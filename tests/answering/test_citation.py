"""Answers checked against the passages they were made from."""

from freqkv_cli.answering.citation import check_answer
from freqkv_cli.retrieval.passage import Passage

PARK = Passage(
    "Mr. Darcy of Pemberley soon drew the attention of the room by his fine, tall person, and the report of his having "
    "ten thousand a-year. The Bennets were there.",
    4,
    0,
    first_line=300,
    last_line=318,
)
CHURCH = Passage(
    "“It is a truth univer-\nsally acknowledged”, said Lydia. The wedding was in St. Clement's.", 5, 0, page=12
)


def test_everything_found() -> None:
    result = check_answer("Darcy has £10,000 a year; his house is Pemberley.", [CHURCH, PARK])
    assert result.verified
    assert result.unverified == []
    assert result.passage is PARK
    assert {item.text: item.kind for item in result.items} == {"Pemberley": "name", "10,000": "number"}


def test_what_is_not_in_the_text_is_named() -> None:
    result = check_answer("It is Mr. Robertson of Pemberley who has 5,000 a year.", [PARK, CHURCH])
    assert not result.verified
    assert result.unverified == ["Robertson", "5,000"]
    assert result.passage is PARK


def test_a_quotation_may_differ_in_quotes_case_and_line_ends() -> None:
    result = check_answer('She said: "it is a Truth universally acknowledged."', [PARK, CHURCH])
    assert result.verified
    assert result.passage is CHURCH
    assert result.items[0].passage is CHURCH
    assert check_answer('She said: "it is a lie universally acknowledged."', [CHURCH]).unverified == [
        "it is a lie universally acknowledged."
    ]


def test_items_may_stand_in_different_passages_but_the_best_is_cited() -> None:
    result = check_answer("It was Lydia, at St. Clement\u2019s, not Mr. Bennet.", [PARK, CHURCH])
    assert result.passage is CHURCH
    assert [(item.text, item.passage) for item in result.items] == [
        ("Lydia", CHURCH),
        ("Clement", CHURCH),
        ("Bennet", PARK),
    ]


def test_without_names_the_words_decide() -> None:
    close = check_answer("Because of his fine tall person and the report.", [CHURCH, PARK])
    assert (close.passage, close.verified, close.items) == (PARK, True, ())
    assert close.support == 1.0
    far = check_answer("Because wolves attention eat marmalade together.", [CHURCH, PARK])
    assert (far.passage, far.verified) == (PARK, False)


def test_nothing_found_and_nothing_to_look_in() -> None:
    result = check_answer("Napoleon.", [PARK])
    assert (result.passage, result.verified, result.unverified) == (None, False, ["Napoleon"])
    assert check_answer("Napoleon.", []).passage is None
    assert not check_answer("", [PARK]).verified


def test_a_number_is_not_found_as_part_of_another() -> None:
    assert check_answer("There were ten of them.", [PARK]).unverified == ["ten"]


def test_the_heading_of_a_passage_counts() -> None:
    passage = Passage("It is done at once.", 0, 0, part=3, heading="Installing Debian")
    assert check_answer("This is about Debian.", [passage]).verified
