"""Static word vectors: what a text is about as one vector, so that other words for the same thing are found.

The vectors (256 numbers for each of 32,000 pieces of words) are those of the package wordllama (MIT). Its own loader
looks for the tokenizer on a network; its two files are all that is needed here.
"""

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

DIMENSIONS = 256
VECTORS, TOKENIZER = "weights/l2_supercat_256.safetensors", "tokenizers/l2_supercat_tokenizer_config.json"


def text_vectors(texts: Sequence[str]) -> NDArray[np.float32]:
    """Return the mean of the vectors of a text's pieces, [texts, DIMENSIONS], of length 1; zeros for an empty one."""
    tokenizer, table = _model()
    vectors = np.zeros((len(texts), DIMENSIONS), np.float32)
    for vector, encoding in zip(
        vectors, tokenizer.encode_batch_fast(list(texts), add_special_tokens=False), strict=True
    ):
        if encoding.ids:
            pieces, counts = np.unique(encoding.ids, return_counts=True)  # in a log the same ones again and again
            mean = counts.astype(np.float32) @ table[pieces].astype(np.float32) / len(encoding.ids)
            vector[:] = mean / (np.linalg.norm(mean) + 1e-9)
    return vectors


@cache
def _model() -> tuple[Any, NDArray[Any]]:
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    spec = find_spec("wordllama")
    assert spec is not None  # a dependency
    assert spec.origin is not None
    folder = Path(spec.origin).parent
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    # It takes a whole text for a word, and would remember 10,000 of those that are short: every sentence of a book.
    tokenizer.model._resize_cache(0)
    (table,) = load_file(str(folder / VECTORS)).values()
    return tokenizer, table
