"""Names and numbers of passages that may answer: near the words of the question, and of the kind that is asked for."""

import math

from freqkv_cli.answering.candidates import Candidate, find_candidates, names_in, numbers_in
from freqkv_cli.answering.wanted import what_is_wanted
from freqkv_cli.retrieval.index import PassageIndex
from freqkv_cli.retrieval.passage import Passage

TEXTS = (
    "The harbour of Skellig is small. Mrs. Odhran keeps the inn there, "
    "and Mr. Bran Odhran said that he\nlives in Kilbaha.",
    "Nobody at Kilbaha had seen the ship. They sailed from Kilbaha to Skellig in 1912 with forty sheep and 3 dogs.",
    "Mrs. Odhran was at home. Mrs. Odhran cried. Perhaps Rosaleen had gone to Kilbaha.",
)


def found(question: str) -> list[Candidate]:
    with PassageIndex() as index:
        for number, text in enumerate(TEXTS):
            index.add(Passage(text, number, 0, page=number + 1))
        return find_candidates(question, what_is_wanted(question), index.search(question, 3), index)


def test_the_nearest_comes_first_and_words_of_the_question_are_no_answer() -> None:
    people = found("Who keeps the inn of Skellig?")
    assert people[0].text == "Mrs. Odhran"
    assert "Skellig" not in [candidate.text for candidate in people]
    assert 0 < people[-1].closeness < people[0].closeness <= 1


def test_persons_and_places_are_told_apart_by_their_use() -> None:
    fitness = {candidate.text: candidate.fitness for candidate in found("In which village does Bran live?")}
    assert fitness["Kilbaha"] > 0
    assert not any(name.startswith(("Mr.", "Mrs.")) for name in fitness)  # what has a title is no place
    other = {candidate.text: candidate.fitness for candidate in found("Who sailed with the sheep?")}
    assert other["Kilbaha"] == -fitness["Kilbaha"]


def test_numbers_come_with_what_they_count() -> None:
    numbers = found("How many sheep were on the ship?")
    assert {candidate.text for candidate in numbers} == {"forty sheep", "3 dogs", "1912"}
    assert numbers[0].text == "forty sheep"


def test_a_candidate_knows_where_it_stands_and_how_common_it_is() -> None:
    kilbaha = next(candidate for candidate in found("Where does Mr. Bran Odhran live?") if candidate.text == "Kilbaha")
    assert kilbaha.commonness == math.log(4 / 3)
    assert kilbaha.passage == 0


def test_words_at_the_start_of_sentences_and_days_are_no_names() -> None:
    text = "Perhaps he came. Only Mr. Hill knew. On Monday Lady Ann said to John I know."
    assert [text[start:end] for start, end, _ in names_in(text)] == ["Mr. Hill", "Lady Ann", "John"]


def test_numbers_of_sections_are_none() -> None:
    text = "5.14.2 Updates: twice in 10,000 runs of 2.5 hours, or 12 per day"
    assert [text[start:end] for start, end, _ in numbers_in(text)] == ["10,000 runs", "2.5 hours", "12"]
