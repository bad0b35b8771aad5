"""Choosing: where a question asks for a name or a number, those that the found passages have are weighed.

A small model that writes freely makes names up, or repeats those that it read most often. So the answer is one that
stands there: near the words of the question, rare in the document, used there like a person or like a place; and the
model, which reads each passage again on a fork of its own, says how likely it is.
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
    'Passage from the document:\n\n"{passage}"\n\n'
    "Using only the passage above, answer in one short sentence: {question}"
)
LEAD = "The answer is"
WEIGHED = 12  # candidates of one passage, the closest first

# Fitted by maximum likelihood to the questions that the project may be tuned on (docs/experiments.md).
CLOSENESS, FITNESS, COMMONNESS, LIKELIHOOD = 6.5, 1.3, -0.2, 0.05


@dataclass(frozen=True, slots=True)
class Weighed:
    """A candidate and, after passage number `passage` was read, the log-likelihood of the `tokens` of its text."""

    candidate: Candidate
    passage: int
    likelihood: float
    tokens: int

    @property
    def score(self) -> float:
        """How well everything fits together; only scores of one question can be compared."""
        candidate = self.candidate
        return (
            CLOSENESS * candidate.closeness
            + FITNESS * candidate.fitness
            + COMMONNESS * candidate.commonness
            + LIKELIHOOD * self.likelihood / math.sqrt(self.tokens)
        )


@dataclass(frozen=True, slots=True)
class Choice:
    """The best candidate; `sentence` says it, `share` is its weight among all, 0 to 1."""

    text: str
    sentence: str
    share: float


def choose(session: Session, question: str, sought: str, hits: Sequence[Hit]) -> Generator[Event, None, Choice | None]:
    """Return the name or number of `hits` that answers best; None where none is asked for, or none is there.

    `sought` is what the hits were found by: the question, or what says more.
    """
    assert session.lookup is not None
    wanted = what_is_wanted(question)
    if wanted is Wanted.OTHER:
        return None
    candidates = find_candidates(sought, wanted, hits, session.lookup.index)
    weighed = yield from weigh_candidates(session, question, hits, candidates)
    if not weighed:
        return None
    scores: dict[str, float] = {}
    for one in weighed:
        scores[one.candidate.key] = max(one.score, scores.get(one.candidate.key, -math.inf))
    best = max(weighed, key=lambda one: one.score)
    share = 1 / sum(math.exp(score - best.score) for score in scores.values())
    return Choice(best.candidate.text, sentence_with(best.candidate.text, question), share)


def weigh_candidates(
    session: Session, question: str, hits: Sequence[Hit], candidates: Sequence[Candidate]
) -> Generator[Event, None, list[Weighed]]:
    """Read each passage that has candidates again, and weigh these."""
    lead = lead_in(question) or LEAD
    weighed = []
    for number, hit in enumerate(hits):
        here = [candidate for candidate in candidates if number in candidate.passages][:WEIGHED]
        request = FROM_PASSAGE.format(passage=hit.passage.text, question=question)
        if here and session.fits(request + lead + " ".join(candidate.text for candidate in here)):
            likelihoods = yield from session.weigh(request, lead, [candidate.text for candidate in here])
            weighed += [
                Weighed(candidate, number, likelihood, tokens)
                for candidate, (likelihood, tokens) in zip(here, likelihoods, strict=True)
            ]
    return weighed


def sentence_with(answer: str, question: str) -> str:
    """Return `answer` as a sentence; it takes up the words of the question where these can be turned round."""
    lead = lead_in(question)
    text = f"{lead} {answer}" if lead else f"{answer[0].upper()}{answer[1:]}"
    return text if text.endswith((".", "!", "?")) else f"{text}."
