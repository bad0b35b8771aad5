"""Names and numbers are chosen as if the model had weighed all of them, with few passages read again."""

import itertools
import random
from collections.abc import Generator
from typing import Any

from freqkv_cli.answering.candidates import Candidate
from freqkv_cli.answering.choice import LIKELIHOOD, merit, sentence_with, weigh_candidates
from freqkv_cli.events import Event
from freqkv_cli.retrieval.index import Hit
from freqkv_cli.retrieval.passage import Passage

HITS = [Hit(Passage(f"Passage {number}.", number, 0), 1.0, 1.0) for number in range(5)]


class Weighing:
    """Stands in for a session: says a fixed likelihood of each text, and counts the passages that it had to read."""

    def __init__(self, likelihoods: dict[str, float], *, room: bool = True) -> None:
        self.likelihoods = likelihoods
        self.room = room
        self.read = 0

    def fits(self, request: str) -> bool:
        return self.room

    def weigh(self, request: str, lead: str, texts: list[str]) -> Generator[Event, None, list[float]]:
        self.read += 1
        yield from ()
        return [self.likelihoods[text] for text in texts]


def chosen(session: Any, candidates: list[Candidate]) -> Candidate | None:
    weighing = weigh_candidates(session, "Who?", HITS, candidates)
    while True:
        try:
            next(weighing)
        except StopIteration as end:
            found: Candidate | None = end.value
            return found


def candidates_of(source: random.Random) -> list[Candidate]:
    return [
        Candidate(f"Name {number}", f"name {number}", source.random(), -source.random(), 0.0, source.randrange(5))
        for number in range(source.randrange(1, 20))
    ]


def test_the_choice_is_that_of_weighing_all() -> None:
    source = random.Random(1)
    read = []
    for _ in range(100):
        candidates = candidates_of(source)
        likelihoods = {candidate.text: -20 * source.random() for candidate in candidates}
        best = max(candidates, key=lambda one: merit(one) + LIKELIHOOD * likelihoods[one.text])
        session = Weighing(likelihoods)
        assert chosen(session, candidates) is best
        read.append(session.read)
    assert max(read) <= 5
    assert sum(read) < 300  # of the passages that have candidates, most need not be read


def test_the_model_decides_between_equals() -> None:
    equals = [
        Candidate(name, name.lower(), 0.5, -3.0, 0.0, number) for number, name in enumerate(("Ann", "Bea", "Cat"))
    ]
    for order in itertools.permutations(equals):
        best = chosen(Weighing({"Ann": -4.0, "Bea": -1.0, "Cat": -9.0}), list(order))
        assert best is not None
        assert best.text == "Bea"


def test_where_a_passage_does_not_fit_the_document_decides() -> None:
    near, far = Candidate("Ann", "ann", 0.6, -3.0, 0.0, 0), Candidate("Bea", "bea", 0.5, -3.0, 0.0, 1)
    session = Weighing({}, room=False)
    assert chosen(session, [far, near]) is near
    assert session.read == 0
    assert chosen(session, []) is None


def test_an_answer_is_a_sentence() -> None:
    assert sentence_with("Longbourn", "What is the name of the house?") == "The name of the house is Longbourn."
    assert sentence_with("five daughters", "How many daughters are there?") == "Five daughters."
    assert sentence_with("Pell Inc.", "Who built it?") == "Pell Inc."
