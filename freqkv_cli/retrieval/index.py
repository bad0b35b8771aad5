"""The index of passages: full-text search by SQLite (FTS5), in a private file that is deleted when it is closed."""

import math
import re
import sqlite3
from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from itertools import pairwise

from freqkv_cli.errors import MemoryLimitError, UsageError
from freqkv_cli.retrieval.passage import SPACELESS, Passage
from freqkv_cli.retrieval.question import question_words, search_words

K1, B = 0.9, 0.4  # of BM25, as is usual for short passages
NEAR = 16  # words within which two words of a question that follow each other there count as belonging together
NEARNESS = 0.6  # the weight of that
FEWEST = 100  # passages that a document counts as at least, where the rarity of a word is worked out
STEMS_KEPT = 20_000  # words whose stems are remembered
LONE_CHARACTER = re.compile(rf"([{SPACELESS}])")
TOKENIZER = "porter unicode61 remove_diacritics 2"
FIELDS = ", ".join(f'"{field.name}"' for field in fields(Passage))

Positions = dict[int, list[int]]  # passage -> where in it a word stands


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that fits a question. A larger `score` fits better; only scores of one question can be compared.

    `coverage` is the share of the question's words that stand in the passage, weighted by their rarity, 0 to 1.
    """

    passage: Passage
    score: float
    coverage: float


class PassageIndex:
    """Passages on disk, found again by their words (BM25, and a bonus for words of the question that stand together).

    Memory stays the same however many are added. Close it, or use it as a context manager. Raises UsageError where
    SQLite lacks full-text search, MemoryLimitError where the disk is full.
    """

    def __init__(self) -> None:
        self._lengths = array("L")  # words per passage
        self._words = 0
        self._stems: dict[str, str] = {}
        self._database = sqlite3.connect("")  # SQLite keeps it in a nameless temporary file
        with explained():
            self._database.executescript(
                f"""
                CREATE TABLE passage (id INTEGER PRIMARY KEY, {FIELDS});
                CREATE VIRTUAL TABLE words USING fts5(text, content='', tokenize='{TOKENIZER}');
                CREATE VIRTUAL TABLE positions USING fts5vocab(words, instance);
                CREATE VIRTUAL TABLE asked USING fts5(text, tokenize='{TOKENIZER}');
                CREATE VIRTUAL TABLE asked_terms USING fts5vocab(asked, instance);
                """
            )

    def __len__(self) -> int:
        return len(self._lengths)

    def add(self, passage: Passage) -> None:
        """Add a passage; it can be found at once."""
        row = len(self) + 1
        marks = ", ".join("?" * len(fields(Passage)))
        with explained():
            self._database.execute(f"INSERT INTO passage VALUES (?, {marks})", (row, *astuple(passage)))
            self._database.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (row, apart(passage.text)))
        self._lengths.append(len(search_words(passage.text)))
        self._words += self._lengths[-1]

    def __iter__(self) -> Iterator[Passage]:
        with explained():
            for values in self._database.execute(f"SELECT {FIELDS} FROM passage ORDER BY id"):
                yield Passage(*values)

    def search(self, question: str, count: int) -> list[Hit]:
        """Return at most `count` passages that share words with the question, the best first."""
        words = question_words(question)
        with explained():
            found = [self._positions(stem) for stem in self.stems(words)]
        rarities = [self._rarity(len(positions)) for positions in found]
        scores: dict[int, float] = defaultdict(float)
        for positions, rarity in zip(found, rarities, strict=True):
            for row, places in positions.items():
                scores[row] += rarity * self._frequency(row, len(places))
        for (first, one), (second, other) in pairwise(zip(found, rarities, strict=True)):
            for row in first.keys() & second.keys():
                scores[row] += NEARNESS * min(one, other) * nearness(first[row], second[row])
        best = sorted(scores, key=lambda row: (-scores[row], row))[: max(0, count)]
        total = sum(rarities)
        return [
            Hit(
                self._passage(row),
                scores[row],
                sum(rarity for positions, rarity in zip(found, rarities, strict=True) if row in positions) / total,
            )
            for row in best
        ]

    def rarities(self, words: Sequence[str]) -> dict[str, float]:
        """Return the stems of `words` with their rarity: larger for a stem that fewer passages hold."""
        with explained():
            return {stem: self._rarity(len(self._positions(stem))) for stem in self.stems(words)}

    def has_stem(self, stem: str) -> bool:
        """Return whether any passage has a word of this stem."""
        with explained():
            return bool(self._positions(stem))

    def holders(self, words: str) -> int:
        """Return how many passages have all of these words."""
        return len(self._holding(words))

    def holding(self, words: str, count: int) -> list[Passage]:
        """Return the first `count` passages that have all of these words."""
        return [self._passage(row) for row in sorted(self._holding(words))[:count]]

    def close(self) -> None:
        """Delete everything."""
        self._database.close()

    def __enter__(self) -> "PassageIndex":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def stems(self, words: Sequence[str]) -> list[str]:
        """Return the words as the index has them, without their endings, each once."""
        self._database.execute("DELETE FROM asked")
        self._database.execute("INSERT INTO asked (text) VALUES (?)", (" ".join(words),))
        rows = self._database.execute("SELECT term FROM asked_terms ORDER BY offset")
        return list(dict.fromkeys(term for (term,) in rows))

    def stem_each(self, words: Sequence[str]) -> list[str]:
        """Return the stem of every word, in the order of the words."""
        missing = [word for word in dict.fromkeys(words) if word not in self._stems]
        if len(self._stems) > STEMS_KEPT:
            self._stems.clear()
            missing = list(dict.fromkeys(words))
        with explained():
            for word in missing:
                self._stems[word] = next(iter(self.stems([word])), word)
        return [self._stems[word] for word in words]

    def _holding(self, words: str) -> set[int]:
        with explained():
            rows = [set(self._positions(stem)) for stem in self.stems(words.split())]
        return set.intersection(*rows) if rows else set()

    def _positions(self, term: str) -> Positions:
        positions: Positions = {}
        for row, offset in self._database.execute("SELECT doc, offset FROM positions WHERE term = ?", (term,)):
            positions.setdefault(row, []).append(offset)
        return positions

    def _rarity(self, holders: int) -> float:
        # A short text says little of how rare a word is: counted alone, a word that it lacks would outweigh all others.
        passages = max(len(self), FEWEST)
        return math.log(1 + (passages - holders + 0.5) / (holders + 0.5))

    def _frequency(self, row: int, times: int) -> float:
        length = self._lengths[row - 1] / (self._words / len(self))
        return times * (K1 + 1) / (times + K1 * (1 - B + B * length))

    def _passage(self, row: int) -> Passage:
        values = self._database.execute(f"SELECT {FIELDS} FROM passage WHERE id = ?", (row,)).fetchone()
        return Passage(*values)


def nearness(first: list[int], second: list[int]) -> float:
    """Return how near two words stand to each other, by their places: 1 for side by side, 0 beyond NEAR words."""
    distance = min(abs(one - other) for one in first for other in second)
    return min(1.0, 1 / (1 + (distance - 3) / NEAR)) if distance <= NEAR else 0.0


def apart(text: str) -> str:
    """Return `text` with each character of a script without spaces as a word of its own."""
    return LONE_CHARACTER.sub(r" \1 ", text)


@contextmanager
def explained() -> Iterator[None]:
    """Turn what SQLite raises into one line."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "fts5" in str(error):
            raise UsageError(
                "this Python's SQLite has no full-text search (FTS5), so that passages cannot be looked up: "
                "use another Python, or give --recall 0"
            ) from None
        raise MemoryLimitError(
            f"the passages of the document cannot be kept in the temporary folder ({error}): free space there, "
            "or give --recall 0"
        ) from None
