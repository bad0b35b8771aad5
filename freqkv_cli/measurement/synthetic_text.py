"""The text of a benchmark, as token ids: documents, or made-up sentences that are the same on every machine."""

import random
from array import array
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from freqkv_cli.documents.document import Document
from freqkv_cli.errors import UsageError
from freqkv_cli.reading.prompt import encode_text
from freqkv_cli.reading.token_stream import TokenStream

SEED = 20250500570  # where --seed gives none
SYLLABLES = ("ka", "lo", "mi", "ren", "tu", "sa", "vel", "dor", "in", "ash")
WORDS_PER_LINE = 12


def document_ids(documents: Sequence[Document], tokenizer: Any, count: int) -> "array[int]":
    """Return the first `count` ids of documents, one after another. Raises UsageError if they are shorter."""
    ids = array("i", islice(TokenStream(documents, tokenizer), count))
    if len(ids) < count:
        raise UsageError(
            f"the text has {len(ids)} tokens, fewer than the deepest of --depths ({count}); "
            "give more documents, or smaller depths"
        )
    return ids


def synthetic_ids(tokenizer: Any, count: int, seed: int) -> "array[int]":
    """Return `count` ids of made-up text."""
    ids = array("i")
    lines = synthetic_lines(seed)
    while len(ids) < count:
        ids.extend(encode_text(tokenizer, "".join(islice(lines, 1000))))
    return ids[:count]


def random_ids(vocabulary: int, count: int, seed: int) -> "array[int]":
    """Return `count` ids drawn evenly, for a model that knows no text."""
    source = random.Random(seed)
    return array("i", (source.randrange(vocabulary) for _ in range(count)))


def synthetic_lines(seed: int) -> Iterator[str]:
    """Yield sentences of made-up words without end, each on its line."""
    source = random.Random(seed)
    lexicon = ["".join(source.choices(SYLLABLES, k=source.randint(1, 3))) for _ in range(3000)]
    while True:
        yield " ".join(source.choices(lexicon, k=WORDS_PER_LINE)).capitalize() + ".\n"
