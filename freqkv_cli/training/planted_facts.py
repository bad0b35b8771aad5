"""Generated facts in a text, and questions about them later on: what a memory has to keep word for word."""

import random
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from freqkv_cli.reading.prompt import encode_text

TOKENS_PER_FACT = 256  # one fact for so many tokens of a sequence
NEAREST = 0.4  # distances are length ** NEAREST .. length: 21 to 2048 tokens
ANSWER_WEIGHT = 8.0  # an answer is a handful of tokens among thousands of prose
Piece = list[tuple[int, float]]  # tokens, each with its weight
ADJECTIVES = (  # noqa: SIM905
    "amber ancient azure brave bright bronze calm clever copper crimson distant eager early emerald faint gentle "
    "golden hidden hollow humble ivory jolly kind late lonely lucky misty mossy narrow noble pale patient quiet rapid "
    "rustic scarlet silent silver slender solemn steady sunny tender thirsty velvet violet wandering wild winter "
    "wooden"
).split()
NOUNS = (  # noqa: SIM905
    "anchor badger barrel beacon bell bishop bridge candle captain castle clock comet crane door dragon eagle engine "
    "falcon ferry forest fountain garden gate harbour hunter island kettle ladder lantern library meadow mill mirror "
    "mountain orchard otter palace pilot river sailor shepherd ship spider stone tailor teapot tower train tunnel "
    "valley violin wagon walnut weaver windmill wolf"
).split()


@dataclass(frozen=True, slots=True)
class Fact:
    """A sentence to plant, and what is asked about it later: the words before the answer, and the answer."""

    told: str
    asked: str
    answer: str


@dataclass(slots=True)
class RetrievalTask:
    """Plants facts and questions into prose, at the ends of sentences. `tokenizer` is the model's."""

    tokenizer: Any
    _ends: Tensor = field(init=False)

    def __post_init__(self) -> None:
        texts = self.tokenizer.batch_decode([[number] for number in range(len(self.tokenizer))])
        ends = [number for number, text in enumerate(texts) if text.rstrip(" ").endswith((".", "\n", "!", "?"))]
        self._ends = torch.tensor(ends)

    def plant(self, window: Tensor, choice: random.Random) -> tuple[Tensor, Tensor]:
        """Return a sequence of the length of `window` with facts and, later, questions; and the weights of its tokens.

        Prose gives way at its end. How far a question lies behind its fact differs by orders of magnitude, near and far
        being alike often. A window that is too short comes back as it is.
        """
        facts = make_facts(max(1, len(window) // TOKENS_PER_FACT), choice)
        told = [self._weighted(f"\n{fact.told}\n") for fact in facts]
        asked = [
            self._weighted(f"\n{fact.asked}") + self._weighted(f" {fact.answer}", ANSWER_WEIGHT) + self._weighted(".\n")
            for fact in facts
        ]
        room = len(window) - sum(map(len, (*told, *asked)))
        prose = window[:room] if room > 0 else window[:0]
        prose = prose[prose >= 0]  # behind the end of a text there is nothing to plant in
        if len(prose) < 2:
            return window, torch.ones(len(window))
        ends, planted = self._ends_before(prose), []
        for fact, question in zip(told, asked, strict=True):
            distance = int(len(prose) ** choice.uniform(NEAREST, 1.0))
            place = choice.randint(distance, len(prose))
            planted += [(ends[place - distance], fact), (ends[place], question)]
        return spliced(prose, planted, len(window))

    def _weighted(self, text: str, weight: float = 1.0) -> Piece:
        return [(token, weight) for token in encode_text(self.tokenizer, text)]

    def _ends_before(self, prose: Tensor) -> list[int]:
        """For each place 0..len(prose), the nearest one up to it where a sentence has ended; 0 before the first."""
        ends, last = [0], 0
        for place, is_end in enumerate(torch.isin(prose, self._ends).tolist(), 1):
            last = place if is_end else last
            ends.append(last)
        return ends


def make_facts(count: int, choice: random.Random) -> list[Fact]:
    """Return `count` facts about different things (at most as many as there are names for them)."""
    names = choice.sample([f"{adjective} {noun}" for adjective in ADJECTIVES for noun in NOUNS], count)
    facts = []
    for name in names:
        number = str(choice.randrange(10_000, 100_000))
        if choice.random() < 0.5:
            facts.append(Fact(f"The pass key of the {name} is {number}.", f"The pass key of the {name} is", number))
        else:
            key = name.replace(" ", "-")
            facts.append(Fact(f"Record {key}: {number}.", f"Look up record {key}:", number))
    return facts


def spliced(prose: Tensor, planted: list[tuple[int, Piece]], length: int) -> tuple[Tensor, Tensor]:
    """Return `prose` with every piece before its place, and the weights of its tokens; both [length].

    At one place they stand in the order given. Behind the end of the prose stands -1, of weight 1.
    """
    text: Piece = [(token, 1.0) for token in prose.tolist()]
    whole: Piece = []
    done = 0
    for place, piece in sorted(planted, key=lambda one: one[0]):
        whole += text[done:place] + piece
        done = place
    whole += text[done:]
    whole += [(-1, 1.0)] * (length - len(whole))
    ids, weights = zip(*whole, strict=True)
    return torch.tensor(ids), torch.tensor(weights)
