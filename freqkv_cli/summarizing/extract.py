"""Extracts: the sentences of a text that are nearest to all of it, for notes and summaries without a writer."""

from collections.abc import Iterator, Sequence

import numpy as np

from freqkv_cli.retrieval.passage import Passage, count_words
from freqkv_cli.retrieval.sentences import clean_sentences
from freqkv_cli.retrieval.word_vectors import text_vectors

SHORTEST, LONGEST = 6, 50  # words of a sentence that is worth quoting, where there are such
LONGER = 1.3  # times the words wanted: as much is told whole


def central_sentence(passages: Sequence[Passage], language: str, topic: str = "") -> tuple[str, Passage]:
    """Return the sentence nearest to the mean of all, or to `topic`, and its passage (centroid-based extraction, Radev
    et al. 2004, with static word vectors).
    """
    found = [(sentence, one) for one in passages for sentence in sentences_of(one, language)]
    if not found:
        return " ".join(passages[0].text.split())[:300], passages[0]
    whole = [
        pair for pair in found if SHORTEST <= len(pair[0].split()) <= LONGEST and pair[0][-1] in '.!?\u3002"\u201d'
    ]
    candidates = whole or found
    vectors = text_vectors([sentence for sentence, _ in candidates])
    centre = text_vectors([topic])[0] if topic else vectors.mean(0)
    return candidates[int(np.argmax(vectors @ centre))]


def sentences_of(passage: Passage, language: str) -> list[str]:
    """Return the sentences of a passage, or its lines where each stands for itself."""
    if not passage.location.has_rows:
        return clean_sentences(passage.text, language)
    return [" ".join(line.split()) for line in passage.text.splitlines() if any(map(str.isalnum, line))]


def spread(sentences: Sequence[str], words: int) -> list[str]:
    """Return sentences of about `words` words together: of each of so many parts the one that is nearest to the mean of
    all.
    """
    total = sum(map(count_words, sentences))
    if total <= words * LONGER:
        return list(sentences)
    vectors = text_vectors(sentences)
    likeness = vectors @ vectors.mean(0)
    parts = evenly(len(sentences), max(1, len(sentences) * words // total))
    return [sentences[max(part, key=lambda place: float(likeness[place]))] for part in parts]


def evenly(count: int, parts: int) -> Iterator[range]:
    """Yield the places 0..count-1 in as many parts, as long as each other or nearly."""
    for part in range(parts):
        yield range(part * count // parts, (part + 1) * count // parts)
