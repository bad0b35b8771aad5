"""Choosing: where a question asks for a name or a number, the model weighs those that the found passages have.

A small model that writes freely makes names up, or repeats those that it read most often. What it is good for is to say
how likely an answer is that stands before it. Each passage is read again on a fork of its own; how near a candidate
stands to the words of the question, how rare it is in the document, and whether it is used like a person or like a
place there is added to what the model says.
"""

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass

from freqkv_cli.recall.candidates import Candidate, find_candidates
from freqkv_cli.recall.index import Hit
from freqkv_cli.recall.wanted import Wanted, lead_in, what_is_wanted
from freqkv_cli.tasks.events import Event
from freqkv_cli.tasks.session import Session

FROM_PASSAGE = (
    "Passage from the document:\n\n\"{passage}\"\n\n"
    "Using only the passage above, answer in one short sentence: {question}"
)
LEAD = "The answer is"
WEIGHED = 12  # candidates of one passage, the closest first


@dataclass(frozen=True, slots=True)
class Weighed:
    """A candidate with what the model says: log-likelihood of the `tokens` of its text, and of an end after them."""

    candidate: Candidate
    passage: int
    likelihood: float
    tokens: int
    end: float

    @property
    def score(self) -> float:
        """How well all there is fits together; the weights were fitted on half of the project's own questions."""
        return 0.0


def weigh_candidates(
    session: Session, question: str, hits: Sequence[Hit], candidates: Sequence[Candidate]
) -> Generator[Event, None, list[Weighed]]:
    """Read each passage again, on a fork of its own, and weigh the candidates that it has."""
    lead = lead_in(question) or LEAD
    weighed = []
    for number, hit in enumerate(hits):
        here = [candidate for candidate in candidates if number in candidate.passages][:WEIGHED]
        if here:
            request = FROM_PASSAGE.format(passage=hit.passage.text, question=question)
            likelihoods = yield from session.weigh(request, lead, [candidate.text for candidate in here])
            for candidate, (likelihood, tokens, end) in zip(here, likelihoods, strict=True):
                weighed.append(Weighed(candidate, number, likelihood, tokens, end))
    return weighed
