"""The facts of a text that a memory is asked for: names and numbers that stand in it once, after the words before them.

Known by their form alone, so that they are found in any language; names only where they have capital letters.
"""

import random
import re
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from freqkv_cli.answering.verification import INSIDE, NUMBER
from freqkv_cli.documents.document import Document
from freqkv_cli.reading.prompt import encode_text
from freqkv_cli.reading.token_stream import TokenStream
from freqkv_cli.retrieval.language import detect_language
from freqkv_cli.retrieval.passage import SPACELESS
from freqkv_cli.retrieval.sentences import split_sentences

OTHERS = 7  # wrong answers beside each right one
CUE = (25, 80)  # characters before an answer: at least, at most
NAME, NUMERAL = INSIDE, re.compile(rf"(?<![^\W_{SPACELESS}])(?:{NUMBER.pattern})")  # not the 2.5 of Qwen2.5
PIECE = re.compile(rf"{NUMBER.pattern}|[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Cloze:
    """A fact: `answer` follows `cue` in the text, and the `others` might; read when `place` tokens have been."""

    cue: str
    answer: str
    others: tuple[str, ...]
    place: int


@dataclass(frozen=True, slots=True)
class MeasuredText:
    """The beginning of a document as token ids, and its facts in the order of their places."""

    name: str
    ids: "array[int]"
    facts: list[Cloze]


def measured_text(
    document: Document, tokenizer: Any, tokens: int, facts: int, distance: int, seed: int
) -> MeasuredText:
    """Return the first `tokens` tokens with at most `facts` facts, evenly spread over all but the last `distance`
    tokens, behind which none could be asked for. The same arguments choose the same facts.
    """
    pages: list[tuple[str, int]] = []  # with the tokens before them
    stream = TokenStream([document], tokenizer, lambda _, page: pages.append((page.text, stream.total)))
    ids = array("i", islice(stream, tokens))
    ends = [*(start for _, start in pages[1:]), stream.total]
    shares = [(text, start, len(text) / max(1, end - start)) for (text, start), end in zip(pages, ends, strict=True)]
    read = (text[: round((len(ids) - start) * per_token)] for text, start, per_token in shares)
    often = Counter(piece for text in read for piece in PIECE.findall(text))
    pools: dict[re.Pattern[str], set[str]] = {NAME: set(), NUMERAL: set()}
    once: list[tuple[re.Pattern[str], str, str, str, int]] = []
    for text, start, per_token in shares:
        for kind, cue, answer, place in candidates(text, detect_language(pages[0][0])):
            pools[kind].add(answer)
            useful = place <= (len(ids) - distance - start) * per_token
            if useful and len(cue) >= CUE[0] and often[PIECE.findall(answer)[0]] == 1:
                once.append((kind, cue, answer, text[:place], start))
    source = random.Random(seed)
    wrong = [wrong_answers(cue, answer, sorted(pools[kind]), source) for kind, cue, answer, _, _ in once]
    full = [(*one, others) for one, others in zip(once, wrong, strict=True) if len(others) == OTHERS]
    count = min(facts, len(full))
    chosen = [full[number * len(full) // count] for number in range(count)]
    clozes = []
    for _, cue, answer, before, start, others in chosen:
        gap = cue[len(cue.rstrip()) :]
        answers = [f"{gap}{one}" for one in (answer, *others)]
        clozes.append(Cloze(cue.rstrip(), answers[0], tuple(answers[1:]), start + len(encode_text(tokenizer, before))))
    return MeasuredText(document.name, ids, clozes)


def candidates(text: str, language: str) -> Iterator[tuple[re.Pattern[str], str, str, int]]:
    """Yield every name and number inside a sentence: its kind, the sentence before it (the end of a long one), it, and
    how many characters of the text there are up to its end.
    """
    at = 0
    for sentence in split_sentences(text, language):
        flat = re.sub(r"\s", " ", sentence)
        begin = at + len(flat) - len(flat.lstrip())
        flat = flat.strip()
        for kind in (NAME, NUMERAL):
            for match in kind.finditer(flat):
                if kind is NUMERAL or match[0][0].isupper():
                    cue = flat[: match.start()].rsplit("  ", 1)[-1]  # wider gaps part columns, and headings
                    if len(cue) > CUE[1]:
                        cue = cue[-CUE[1] :]
                        cue = cue[cue.find(" ") + 1 :]
                    yield kind, cue, match[0], begin + match.end()
        at += len(sentence)


def wrong_answers(cue: str, answer: str, pool: Sequence[str], source: random.Random) -> tuple[str, ...]:
    """Return those of `pool` that are as long as the answer, or nearly so; none that stands in the cue, and none that
    the answer begins with, or that begins with the answer.
    """
    fits = [one for one in pool if one not in cue and not one.startswith(answer) and not answer.startswith(one)]
    source.shuffle(fits)
    return tuple(sorted(fits, key=lambda one: abs(len(one) - len(answer)))[:OTHERS])
