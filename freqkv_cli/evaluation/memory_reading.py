"""One reading of a text through a cache: the loss of every token, and facts that are asked for on forks."""

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from freqkv_cli.evaluation.facts import Cloze, MeasuredText
from freqkv_cli.events import Event
from freqkv_cli.inference.engine import Engine
from freqkv_cli.kvcache.cache import FreqkvCache
from freqkv_cli.measurement.bootstrap import Figures
from freqkv_cli.measurement.policy_specs import PolicySpec, Subjects, shrunk
from freqkv_cli.measurement.reading_progress import reading_progress
from freqkv_cli.reading.prompt import encode_text

DISTANCES = (1, 2, 4, 8, 16)  # between a fact and its question, in units of the slots
STEPS = 8  # questions wait for the next of so many places in as many tokens as there are slots

Due = dict[int, list[tuple[int, int]]]  # place in the text -> (number of the fact, distance)
Question = tuple[list[int], list[list[int]]]  # token ids: what is asked, and the answers, the right one first


@dataclass(slots=True)
class MemoryReading:
    """What a policy made of a text. losses: nats, of each token; NaN of the first one, and of what was not read.

    ranks: for each question, (number of the fact, distance in units of the slots), how many wrong answers the memory
    makes at least as much likelier as the right one. cache_bytes: of keys and values.
    """

    losses: Figures
    ranks: dict[tuple[int, int], int] = field(default_factory=dict)
    cache_bytes: int = 0


def read_all(
    specs: Sequence[PolicySpec],
    subjects: Subjects,
    texts: Sequence[MeasuredText],
    readings: dict[tuple[str, int], MemoryReading],
) -> Generator[Event, None, None]:
    """Let every policy read every text, as far as it can; from its beginning each reading is in `readings`, by label
    and number of the text.
    """
    tokenizer, slots = subjects.first.tokenizer, subjects.first.geometry.cache_size
    step = max(1, slots // STEPS)
    asked = [[encoded(tokenizer, fact) for fact in text.facts] for text in texts]
    room = max((size_of(one) for facts in asked for one in facts), default=0)
    todo = [
        (spec, number, text.ids[: None if spec.limit is None else max(2, spec.limit - room)])
        for spec in specs
        for number, text in enumerate(texts)
    ]
    guesses: dict[tuple[str | None, int], list[list[float]]] = {}  # of each adapter, text: before it is read
    total, done, began = sum(len(ids) for _, _, ids in todo), 0, time.perf_counter()
    for spec, number, ids in todo:
        subject = yield from subjects.of(spec)
        engine, cache = spec.new_engine(subject), shrunk(spec, len(ids) + room).new_cache(subject)
        reading = readings[spec.label, number] = MemoryReading(np.full(len(texts[number].ids), np.nan))
        if (known := (spec.adapter, number)) not in guesses:
            guesses[known] = likelihoods(engine, cache, asked[number])
        due, at = due_questions(texts[number].facts, slots, step), 0
        for losses in read_losses(engine, cache, ids, step):
            reading.losses[at : at + len(losses)] = losses
            reading.cache_bytes = cache.nbytes
            at, done = at + len(losses), done + len(losses)
            yield reading_progress(spec.label, done, total, began)
            if now := due.get(at):
                told = likelihoods(engine, cache, [asked[number][fact] for fact, _ in now])
                guessed = [guesses[known][fact] for fact, _ in now]
                reading.ranks.update(zip(now, map(rank, told, guessed), strict=True))


def due_questions(facts: Sequence[Cloze], slots: int, step: int) -> Due:
    """Return what is asked where: at the first multiple of `step` that is as many times `slots` behind the fact."""
    due: Due = {}
    for number, fact in enumerate(facts):
        for distance in DISTANCES:
            due.setdefault(-(-(fact.place + distance * slots) // step) * step, []).append((number, distance))
    return due


def encoded(tokenizer: Any, fact: Cloze) -> Question:
    """Return the question on a fact: its cue, as a new paragraph."""
    answers = (fact.answer, *fact.others)
    return encode_text(tokenizer, f"\n\n{fact.cue}"), [encode_text(tokenizer, answer) for answer in answers]


def size_of(question: Question) -> int:
    """Return the tokens of a question with all its answers."""
    cue, answers = question
    return len(cue) + sum(map(len, answers))


def likelihoods(engine: Engine, cache: FreqkvCache, questions: Sequence[Question]) -> list[list[float]]:
    """Return the log-likelihoods of the answers of each question, after what is in the cache.

    `cache` stays as it is, and no question changes what another finds; where one does not fit, a fork is compressed.
    """
    if cache.room < (longest := max(map(size_of, questions), default=0)):
        cache = cache.fork()
        cache.make_room(longest)
    found: list[list[float]] = []
    while len(found) < len(questions):
        together: list[Question] = []
        size = 0
        for one in questions[len(found) :]:
            size += size_of(one)
            if together and size > min(cache.room, engine.chunk):
                break
            together.append(one)
        found += engine.score_continuations(cache, together)
    return found


def rank(told: Sequence[float], guessed: Sequence[float]) -> int:
    """Return how many wrong answers gain at least as much likelihood by the memory as the right one, the first: what
    can be guessed without it, from the words before or from training, is not remembered.
    """
    right, *wrong = (one - other for one, other in zip(told, guessed, strict=True))
    return sum(one >= right for one in wrong)


@torch.inference_mode()
def read_losses(engine: Engine, cache: FreqkvCache, ids: Sequence[int], step: int) -> Iterator[list[float]]:
    """Read `ids` and yield, chunk by chunk, minus the natural logarithm of the probability of each token, given all
    before it; NaN for the first. A chunk ends at every multiple of `step`.
    """
    done = 0
    before: Tensor | None = None  # the logits after the last token of the chunk before
    while done < len(ids):
        cache.make_room()
        chunk = list(ids[done : done + min(engine.chunk, cache.room, step - done % step)])
        logits = engine.run(cache, chunk, len(chunk)).float()
        if before is None:
            before = torch.full_like(logits[:1], torch.nan)
        targets = torch.tensor(chunk, dtype=torch.long, device=logits.device)
        losses: list[float] = cross_entropy(torch.cat((before, logits[:-1])), targets, reduction="none").tolist()
        before = logits[-1:]
        done += len(chunk)
        yield losses
