"""What an answer claims is looked up: names and numbers, in any language, with a short quotation of the place."""

import random
from collections import Counter

import pytest

from freqkv_cli.answering.verification import LONGEST_QUOTE, check, claims, is_in, window
from freqkv_cli.location import Location
from freqkv_cli.retrieval.passage import Passage
from freqkv_cli.retrieval.table import Column, TableProfile

TEXTS = (
    "The ship sailed on. The cook of the ship was called Ambrose Pell. He earned 1,250 crowns in 1815/16.",
    "Nothing happened for days. The captain, Silas Crane, was born in Hull.",
)
MOSCOW = "\u041c\u043e\u0441\u043a\u0432\u0435"


def passages(*texts: str) -> list[Passage]:
    return [Passage(text, number, 0, Location(part=number + 1)) for number, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("sentence", "question", "expected"),
    [
        ("The cook was Ambrose Pell.", "", ["Ambrose", "Pell"]),
        ("Ambrose met Silas Crane.", "Who met Silas?", ["Crane"]),
        ("It cost 1,250 crowns in 1815, for 3 men.", "", ["1,250", "1815"]),
        ("It was 12 and 13.", "", ["13"]),
        ("They ran qwen2.5 and smolLM2-135M for 45 days.", "", ["45"]),
        ("He said: The end. And so it was.", "", []),  # capitals that begin a sentence are no names
        ('"Yes," he said. "No," said she.', "", []),
        ('The ship "Zorblax" (Captain Crane) sank.', "", ["Zorblax", "Captain", "Crane"]),
        ("Er fuhr \u00fcber die Br\u00fccke nach K\u00f6ln.", "", []),
        ("Er traf dort Petra Lenz.", "", ["Petra", "Lenz"]),
        ("Wo liegt \u00d6sterreich?", "", ["\u00d6sterreich"]),
        ("\u4ed6\u662f\u53a8\u5e08\uff0c\u4f4f\u5728\u4e1c\u4eac\u3002", "", []),
        (f"\u041e\u043d \u0436\u0438\u043b \u0432 {MOSCOW}.", "", [MOSCOW]),
        ("Pell met Pell and Pell.", "", ["Pell"]),
    ],
)  # fmt: skip
def test_names_and_numbers_are_claims(sentence: str, question: str, expected: list[str]) -> None:
    assert claims(sentence, question) == expected


@pytest.mark.parametrize(
    ("claim", "text", "expected"),
    [
        ("1,250", "He had 1250 crowns.", True),
        ("1250", "He had 1.250 crowns.", True),
        ("1250", "He had 1\u202f250 crowns.", True),
        ("125", "He had 1250 crowns.", False),
        ("20", "It was 2015.", False),
        ("1815", "In 1815/16 he left.", True),
        ("3.5", "It is 3.5 m.", True),
        ("3", "It is 3.5 m.", True),
        ("18", "He had 18,206.55 crowns.", False),
        ("18", "He had 18.206 crowns.", False),
        ("35", "It is 36 m.", False),
        ("Pell's", "Ambrose Pell came.", True),
        ("Pell", "PELL came.", True),
        ("Crane", "Ambrose Pell came.", False),
        ("K\u00f6ln", "Er kam aus K\u00f6ln.", True),
        ("October", "Oct 08 01:30:00 backup started", True),
        ("October", "2025-10-08 backup started", True),
        ("October", "2025-11-18 backup started", False),
        ("Thursday", "(Thu) backup started", True),
        ("Thursday", "(Tue) backup started", False),
    ],
)
def test_whether_a_claim_stands_in_a_text(claim: str, text: str, expected: bool) -> None:
    assert is_in(claim, text) is expected


def test_a_sentence_that_stands_there_is_quoted() -> None:
    (citation,) = check("The cook of the ship was called Ambrose Pell.", "Who cooked?", passages(*TEXTS), "en")
    assert (citation.verdict, citation.missing, citation.passage.index) == ("quoted", (), 0)
    assert citation.quote == "The cook of the ship was called Ambrose Pell."


def test_a_sentence_in_other_words_is_supported_by_its_names_and_numbers() -> None:
    first, second = check("Ambrose Pell had 1250 crowns. Silas Crane comes from Hull.", "Who?", passages(*TEXTS), "en")
    assert (first.verdict, first.passage.index, second.verdict, second.passage.index) == (
        "supported",
        0,
        "supported",
        1,
    )
    assert second.quote == "The captain, Silas Crane, was born in Hull."


def test_what_the_file_says_of_itself_is_no_invention() -> None:
    told = "It was written by Zorblax Quill."
    (citation,) = check(told, "Who wrote it?", passages(*TEXTS), "en")
    assert citation.missing == ("Zorblax", "Quill")
    (citation,) = check(told, "Who wrote it?", passages(*TEXTS), "en", "Document: galley.pdf\nAuthor: Zorblax Quill")
    assert (citation.verdict, citation.missing) == ("supported", ())


def test_what_no_passage_has_is_told() -> None:
    (citation,) = check("The cook was Zorblax Quill, paid 77 crowns in 1815.", "Who?", passages(*TEXTS), "en")
    assert (citation.verdict, citation.missing) == ("not found", ("Zorblax", "Quill", "77"))


def test_what_the_question_says_is_no_claim() -> None:
    (citation,) = check("Yes, Zorblax did.", "Did Zorblax come?", passages(*TEXTS), "en")
    assert (citation.verdict, citation.missing) == ("supported", ())


def test_a_short_answer_is_supported_not_quoted() -> None:
    (citation,) = check("Ambrose Pell", "What was the cook called?", passages(*TEXTS), "en")
    assert (citation.verdict, citation.passage.index) == ("supported", 0)
    assert citation.quote == "The cook of the ship was called Ambrose Pell."


def test_german_answers_are_looked_up_by_stems() -> None:
    german = (
        "Es regnete. Der Mieter zahlt die Nebenkosten bis zum Ersten des Monats.",
        "Die Wohnung liegt in K\u00f6ln. Der Vermieter hei\u00dft Jonas Brandt.",
    )
    first, second = check(
        "Die Wohnungen liegen in K\u00f6ln. Der Mieter zahlt an Petra Lenz.", "Wo liegt sie?", passages(*german), "de"
    )
    assert (first.verdict, first.passage.index, first.quote) == ("not found", 1, "Die Wohnung liegt in K\u00f6ln.") or (
        first.verdict,
        first.passage.index,
    ) == ("supported", 1)
    assert (second.verdict, second.missing) == ("not found", ("Petra", "Lenz"))


def test_without_passages_or_words_nothing_is_cited() -> None:
    assert check("Ambrose Pell.", "Who?", [], "en") == []
    assert check(" ... ", "Who?", passages(*TEXTS), "en") == []


def test_a_quotation_is_short_and_holds_what_it_is_quoted_for() -> None:
    long = " ".join(["It rained on the deck and the men were wet"] * 20)
    text = f"{long}, and Ambrose Pell the cook was dry, and {long}."
    (citation,) = check("Ambrose Pell was dry.", "Who was dry?", passages(text), "en")
    assert len(citation.quote) <= LONGEST_QUOTE
    assert "Ambrose Pell" in citation.quote
    assert citation.quote.startswith("... ")
    assert citation.quote.endswith(" ...")


@pytest.mark.parametrize("seed", range(20))
def test_a_window_holds_a_wanted_word_and_is_a_part_of_the_sentence(seed: int) -> None:
    chance = random.Random(seed)
    words = [chance.choice(("rain", "deck", "men", "a", "wetness")) for _ in range(chance.randrange(80, 300))]
    words[chance.randrange(len(words))] = "pell"
    part = window(" ".join(words), {"pell"}, "en")
    assert len(part) <= LONGEST_QUOTE
    inner = part.removeprefix("... ").removesuffix(" ...")
    assert inner in " ".join(words)
    assert "pell" in inner
    assert len(part) > LONGEST_QUOTE / 2


def test_an_endless_word_is_cut_and_says_so() -> None:
    part = window("\u6771\u4eac" * 400, {"\u6771"}, "ja")
    assert len(part) <= LONGEST_QUOTE
    assert part.endswith(" ...")


def test_what_was_counted_can_be_cited() -> None:
    rows = passages("rank: 3; name: Greta Grau; status: finished\nrank: 4; name: Jonna Drost; status: finished")
    profile = TableProfile(
        "rows", 64, {"status": Column(64, values=Counter({"finished": 60, "did not finish": 3, "disqualified": 1}))}
    )
    assert profile.passage is not None
    (citation,) = check("3", "How many runners did not finish?", [*rows, profile.passage], "en")
    assert (citation.passage.place, citation.verdict) == ("counted", "supported")
    assert "did not finish (3)" in citation.quote


def test_of_a_log_a_line_is_quoted_at_its_own_place() -> None:
    lines = [f"2026-11-29 10:{minute:02}:00 web1 request served in 30 ms" for minute in range(20)]
    lines[7] = "2026-11-29 10:07:00 pump Albatross stopped: bearing too hot"
    log = Passage("\n".join(lines), 0, 0, Location(first_line=1, last_line=20, label="2026-11-29 10:00:00"))
    (one,) = check("The bearing of Albatross was too hot.", "Why did the pump stop?", [log], "en")
    assert (one.verdict, one.quote, one.passage.place) == ("supported", lines[7], "2026-11-29 10:07:00, line 8")
    assert one.passage.text == log.text
