"""Choosing: where a question asks for a name or a number, those that the found passages have are weighed.

A small model that writes freely makes names up, or repeats those that it read most often. So the answer is one that
stands there: near the words of the question, rare in the document, used there like a person or like a place; and the
model, which reads its passage again on a fork, says how likely it is.
"""

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass

from freqkv_cli.answering.candidates import Candidate, find_candidates
from freqkv_cli.answering.wanted import Wanted, lead_in, what_is_wanted
from freqkv_cli.events import Event
from freqkv_cli.reading.session import Session
from freqkv_cli.retrieval.index import Hit

FROM_PASSAGE = (
    'Passage from the document:\n\n"{passage}"\n\n'
    "Using only the passage above, answer in one short sentence: {question}"
)
LEAD = "The answer is"
WEIGHED = 12  # candidates of one passage that are weighed together

# Fitted by maximum likelihood to the questions that the project may be tuned on, the last one by hand: the default
# model's word counts for little (docs/experiments.md).
CLOSENESS, FITNESS, COMMONNESS, LIKELIHOOD = 6.5, 1.3, -0.2, 0.05


@dataclass(frozen=True, slots=True)
class Choice:
    """The answer as the document has it, and a sentence that says it."""

    text: str
    sentence: str


def choose(session: Session, question: str, sought: str, hits: Sequence[Hit]) -> Generator[Event, None, Choice | None]:
    """Return the name or number of `hits` that answers best; None where none is asked for, or none is there.

    `sought` is what the hits were found by: the question, or what says more.
    """
    assert session.lookup is not None
    wanted = what_is_wanted(question)
    if wanted is Wanted.OTHER:
        return None
    candidates = find_candidates(sought, wanted, hits, session.lookup.index)
    best = yield from weigh_candidates(session, question, hits, candidates)
    return Choice(best.text, sentence_with(best.text, question)) if best else None


def weigh_candidates(
    session: Session, question: str, hits: Sequence[Hit], candidates: Sequence[Candidate]
) -> Generator[Event, None, Candidate | None]:
    """Return the best candidate. A passage is read again only when what stands there can still be the best."""
    lead = lead_in(question) or LEAD
    likelihoods: dict[str, float] = {}
    best, best_score = None, -math.inf
    for candidate in sorted(candidates, key=merit, reverse=True):
        if merit(candidate) <= best_score:  # the model can only take away from it
            break
        if candidate.key not in likelihoods:
            here = [one for one in candidates if one.passage == candidate.passage and one is not candidate]
            here = [candidate, *here[: WEIGHED - 1]]
            request = FROM_PASSAGE.format(passage=hits[candidate.passage].passage.text, question=question)
            texts = [one.text for one in here]
            if session.fits(" ".join((request, lead, *texts))):
                weighed = yield from session.weigh(request, lead, texts)
            else:
                weighed = [0.0] * len(texts)
            likelihoods |= {one.key: value for one, value in zip(here, weighed, strict=True)}
        score = merit(candidate) + LIKELIHOOD * likelihoods[candidate.key]
        if score > best_score:
            best, best_score = candidate, score
    return best


def merit(candidate: Candidate) -> float:
    """How well a candidate fits by what the document shows; only those of one question can be compared."""
    return CLOSENESS * candidate.closeness + FITNESS * candidate.fitness + COMMONNESS * candidate.commonness


def sentence_with(answer: str, question: str) -> str:
    """Return `answer` as a sentence; it takes up the words of the question where these can be turned round."""
    lead = lead_in(question)
    text = f"{lead} {answer}" if lead else f"{answer[0].upper()}{answer[1:]}"
    return text if text.endswith((".", "!", "?")) else f"{text}."
