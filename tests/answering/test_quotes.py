"""The sentence that is quoted is the one that says most about the question, with its own lines."""

from freqkv_cli.answering.quotes import best_quotes, first_sentence, has_second_sentence, sentences
from freqkv_cli.retrieval.index import PassageIndex
from freqkv_cli.retrieval.passage import Passage

TEXT = (
    "The valley was quiet. Nobody spoke of\nthe flood any more.\n"
    "Mr. Bran Odhran keeps the lighthouse\nof Skellig, and has three goats.\n"
    "In the evening it rained."
)


def passage(text: str, index: int = 0, first_line: int | None = 10) -> Passage:
    last = None if first_line is None else first_line + text.count("\n")
    return Passage(text, index, 0, page=None if first_line else 3, first_line=first_line, last_line=last)


def test_sentences_with_their_lines() -> None:
    found = [(quote.text, quote.passage.first_line, quote.passage.last_line) for quote in sentences(passage(TEXT))]
    assert found == [
        ("The valley was quiet.", 10, 10),
        ("Nobody spoke of the flood any more.", 10, 11),
        ("Mr. Bran Odhran keeps the lighthouse of Skellig, and has three goats.", 12, 13),
        ("In the evening it rained.", 14, 14),
    ]


def test_no_word_is_lost() -> None:
    joined = " ".join(quote.text for quote in sentences(passage(TEXT)))
    assert joined.split() == TEXT.split()


def test_a_page_stays_a_page() -> None:
    assert {quote.passage.place for quote in sentences(passage(TEXT, first_line=None))} == {"p. 3"}


def test_the_best_sentence_comes_first() -> None:
    with PassageIndex() as index:
        index.add(passage(TEXT))
        index.add(passage("The rain and the valley and the evening were one.", 1, 20))
        hits = index.search("Who keeps the lighthouse?", 5)
        quotes = best_quotes("Who keeps the lighthouse?", hits, index, 2)
    assert quotes[0].text.startswith("Mr. Bran Odhran")
    assert quotes[0].passage.place == "lines 12-13"
    assert quotes[0].score > quotes[1].score


def test_the_sentence_that_holds_the_answer_is_quoted() -> None:
    with PassageIndex() as index:
        index.add(passage("Odhran is the keeper of the lighthouse. The lighthouse was also kept by his cousin, Bran."))
        hits = index.search("Who is the keeper of the lighthouse?", 1)
        plain, answering = (
            best_quotes("Who is the keeper of the lighthouse?", hits, index, 1, answer)[0].text
            for answer in ("", "Bran")
        )
    assert plain.startswith("Odhran")
    assert answering.startswith("The lighthouse")


def test_one_sentence_of_what_is_being_written() -> None:
    lines = "He left because Mr. Hill\nwas late"
    assert first_sentence(lines) == "He left because Mr. Hill was late"
    assert not has_second_sentence(lines)
    assert not has_second_sentence(f"{lines}. ")
    assert has_second_sentence(f"{lines}. And")
    assert first_sentence(f"{lines}. And more.") == "He left because Mr. Hill was late."
    assert has_second_sentence("A heading\n\nText")
    assert first_sentence("") == ""
