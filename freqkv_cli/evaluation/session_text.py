"""Sessions as token ids: a context that many turns share, and what is asked and answered in each of them."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from freqkv_cli.evaluation.session_items import Material, SessionTurn, make_material
from freqkv_cli.reading.prompt import encode_text

END = "."  # of an answer in a conversation


@dataclass(frozen=True, slots=True)
class Asking:
    """A turn: of `answers`, at least two, the first one is right. All are token ids that follow `cue`."""

    kind: str
    cue: list[int]
    answers: list[list[int]]

    @property
    def tokens(self) -> int:
        """What has to fit in a cache while it is asked."""
        return len(self.cue) + sum(map(len, self.answers))


@dataclass(frozen=True, slots=True)
class SharedSession:
    """A context of `kind`, and its turns; `end` is what ends an answer in a conversation."""

    kind: str
    context: list[int]
    turns: list[Asking]
    end: list[int]

    def said(self, turn: Asking) -> list[int]:
        """Return the question of a turn and its right answer, as a conversation holds them."""
        return [*turn.cue, *turn.answers[0], *self.end]

    @property
    def tokens(self) -> int:
        """Slots of a cache that keeps everything: context, all turns, and room to ask the last one."""
        return len(self.context) + sum(len(self.said(turn)) for turn in self.turns) + max(map(_tokens, self.turns)) + 1


def make_session(
    kind: str, text: Iterator[str], tokenizer: Any, tokens: int, turns: int, seed: str
) -> SharedSession | None:
    """Return a session with at most `tokens` tokens of context, on the sentences of `text`; None where its facts have
    no room. The same arguments make the same session.
    """

    def measure(sentence: str) -> int:
        return len(encode_text(tokenizer, f" {sentence}"))

    material = make_material(kind, random.Random(seed), tokens, turns, measure)
    context = _context(material, text, tokenizer, tokens)
    if context is None:
        return None
    return SharedSession(
        kind, context, [asking(turn, tokenizer) for turn in material.turns], encode_text(tokenizer, END)
    )


def asking(turn: SessionTurn, tokenizer: Any, longest: int | None = None) -> Asking:
    """Return a turn as token ids, its answers cut to `longest` tokens; wrong ones that are then the right one, or each
    other, are left out.
    """
    answers = [tuple(encode_text(tokenizer, text)[:longest]) for text in (turn.answer, *turn.others)]
    return Asking(turn.kind, encode_text(tokenizer, turn.question), [list(answer) for answer in dict.fromkeys(answers)])


def _context(material: Material, text: Iterator[str], tokenizer: Any, tokens: int) -> list[int] | None:
    """Facts at their places, with sentences of the text between them; None where there are none, or no room."""
    facts = [(place, encode_text(tokenizer, f" {sentence}")) for place, sentence in sorted(material.told)]
    room = tokens - sum(len(ids) for _, ids in facts)
    if room < 0 or not material.turns:
        return None
    filling: list[list[int]] = []
    for sentence in text:
        ids = encode_text(tokenizer, f" {sentence}")
        room -= len(ids)
        if room < 0:
            break
        filling.append(ids)
    total = sum(map(len, filling)) + sum(len(ids) for _, ids in facts)
    context: list[int] = []
    between = iter(filling)
    for place, ids in facts:
        while len(context) < place * total and (more := next(between, None)) is not None:
            context += more
        context += ids
    for more in between:
        context += more
    return context


def _tokens(turn: Asking) -> int:
    return turn.tokens


def middle_cut(ids: Sequence[int], tokens: int) -> list[int]:
    """Return the first and the last half of `tokens` tokens where there are more."""
    if len(ids) <= tokens:
        return list(ids)
    return [*ids[: tokens - tokens // 2], *ids[len(ids) - tokens // 2 :]]
