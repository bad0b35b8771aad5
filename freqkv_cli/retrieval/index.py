"""The index of passages, in a private file that is deleted when it is closed: BM25 by SQLite, and word vectors."""

import json
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from heapq import nsmallest
from itertools import chain

import numpy as np

from freqkv_cli.errors import MemoryLimitError, UsageError
from freqkv_cli.location import Location
from freqkv_cli.retrieval.language import detect_language, spellings, stem, stems, stop_words, words_of
from freqkv_cli.retrieval.passage import Passage
from freqkv_cli.retrieval.word_vectors import DIMENSIONS, text_vectors

CANDIDATES = 50  # passages that each ranking proposes
FUSION = 10  # of reciprocal rank fusion: a passage's score is the sum of 1 / (FUSION + rank) over both rankings
BLOCK = 1000  # passages that are indexed, or whose vectors are compared, between two looks at the clock
BATCH = 50  # passages that are cut into pieces of words at once
LANGUAGES = 3  # of the documents, by which a question's words are stemmed
LETTERS = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that fits a question. A larger `score` fits better; only scores of one question can be compared."""

    passage: Passage
    score: float


class PassageIndex:
    """Passages on disk, found again by their words in any language and by what they are about.

    Two rankings, BM25 over stems (headings count as text) and the cosine of static word vectors, are joined by
    reciprocal rank fusion (Cormack et al. 2009). What is added is indexed when something is first looked for, so that
    a text that is only kept costs no more than that. Memory stays the same however many passages are added. Close it,
    or use it as a context manager. Raises UsageError where SQLite lacks full-text search, MemoryLimitError where the
    disk is full.
    """

    def __init__(self) -> None:
        self._languages: Counter[str] = Counter()
        self._count = self._indexed = 0
        self._database = sqlite3.connect("")  # SQLite keeps it in a nameless temporary file
        with explained():
            self._database.executescript(
                """
                CREATE TABLE passage (id INTEGER PRIMARY KEY, content TEXT);
                CREATE TABLE meaning (id INTEGER PRIMARY KEY, vector BLOB);
                CREATE VIRTUAL TABLE words USING fts5(stems, content='', tokenize='unicode61 remove_diacritics 2');
                """
            )

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Passage]:
        with explained():
            for (content,) in self._database.execute("SELECT content FROM passage ORDER BY id"):
                yield passage_of(content)

    def __getitem__(self, index: int) -> Passage:
        with explained():
            row = self._database.execute("SELECT content FROM passage WHERE id = ?", (index,)).fetchone()
        if row is None:
            raise IndexError(index)
        return passage_of(row[0])

    @property
    def languages(self) -> list[str]:
        """The ISO 639-1 codes of the languages that most passages are in, the first ones of them."""
        for _ in self.indexing():
            pass
        return [code for code, _ in self._languages.most_common(LANGUAGES)]

    @property
    def language(self) -> str:
        """The ISO 639-1 code of the language that most passages are in."""
        return next(iter(self.languages), "en")

    def add(self, passage: Passage) -> None:
        """Add a passage; it can be found at once."""
        with explained():
            content = json.dumps(asdict(passage), ensure_ascii=False)
            self._database.execute("INSERT INTO passage VALUES (?, ?)", (self._count, content))
        self._count += 1

    def indexing(self) -> Iterator[int]:
        """Index what has been added since the last time, and yield how many passages are indexed, now and then."""
        while self._indexed < self._count:
            until = min(self._count, self._indexed + BLOCK)
            with explained():
                while self._indexed < until:
                    query = "SELECT content FROM passage WHERE id >= ? AND id < ? ORDER BY id LIMIT ?"
                    rows = self._database.execute(query, (self._indexed, until, BATCH)).fetchall()
                    self._index([passage_of(content) for (content,) in rows])
            yield self._indexed

    def _index(self, passages: Sequence[Passage]) -> None:
        texts = [f"{one.heading}\n{one.text}" if one.heading else one.text for one in passages]
        vectors = text_vectors(texts).astype(np.float16)
        for passage, text, vector in zip(passages, texts, vectors, strict=True):
            language = detect_language(passage.text)
            self._languages[language] += 1
            self._database.execute("INSERT INTO meaning VALUES (?, ?)", (self._indexed, vector.tobytes()))
            self._database.execute(
                "INSERT INTO words (rowid, stems) VALUES (?, ?)", (self._indexed, " ".join(stems(text, language)))
            )
            self._indexed += 1

    def search(self, question: str, count: int) -> list[Hit]:
        """Return at most `count` passages, the best first; fewer only where there are fewer."""
        scores: Counter[int] = Counter()
        for ranking in (self._by_words(question), self._by_meaning(question)):
            for rank, index in enumerate(ranking, 1):
                scores[index] += 1 / (FUSION + rank)  # type: ignore[assignment]
        best = sorted(scores, key=lambda index: (-scores[index], index))[: max(0, count)]
        return [Hit(self[index], scores[index]) for index in best]

    def holds_all(self, claims: Sequence[str]) -> bool:
        """Return whether all of these names and numbers stand somewhere in the passages, each in one of them."""
        with explained():
            return all(any(map(self._holds, spellings(claim))) for claim in claims)

    def first_with(self, name: str) -> int | None:
        """Return the number of the first passage with all words of a name; None where none has them."""
        words = " ".join(f'"{word}"' for word in stems(name, self.language))
        with explained():
            return self._first(words) if words else None

    def _holds(self, claim: str) -> bool:
        for language in self.languages:
            words = stems(claim, language)
            sought = " + ".join(f'"{one}"' for one in words)
            if not words or self._first(sought) is not None:
                return True
        return False

    def _first(self, sought: str) -> int | None:
        query = "SELECT rowid FROM words WHERE words MATCH ? ORDER BY rowid LIMIT 1"
        row = self._database.execute(query, (sought,)).fetchone()
        return row[0] if row else None

    def question_stems(self, question: str) -> list[str]:
        """Return what of a question is looked for: its words as the documents' languages stem them, without those that
        every text is full of; a question that has no others keeps those.
        """
        languages = self.languages
        empty = frozenset(chain.from_iterable(map(stop_words, {*languages, detect_language(question)})))
        words = words_of(question)
        telling = [word for word in words if word not in empty] or words
        return list(dict.fromkeys(stem(word, language) for language in languages for word in telling))

    def close(self) -> None:
        """Delete everything."""
        self._database.close()

    def __enter__(self) -> "PassageIndex":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _by_words(self, question: str) -> list[int]:
        sought = " OR ".join(f'"{one}"' for one in self.question_stems(question))
        if not sought:
            return []
        with explained():
            query = "SELECT rowid FROM words WHERE words MATCH ? ORDER BY bm25(words), rowid LIMIT ?"
            return [index for (index,) in self._database.execute(query, (sought, CANDIDATES))]

    def _by_meaning(self, question: str) -> list[int]:
        if not LETTERS.search(question) or not self._count:
            return []
        (wanted,) = text_vectors([question])
        best: list[tuple[float, int]] = []
        with explained():
            rows = self._database.execute("SELECT vector FROM meaning ORDER BY id")
            first = 0
            while block := rows.fetchmany(BLOCK):
                table = np.frombuffer(b"".join(vector for (vector,) in block), np.float16).reshape(-1, DIMENSIONS)
                closeness = table.astype(np.float32) @ wanted
                best += ((-float(one), index) for index, one in enumerate(closeness, first))
                best = nsmallest(CANDIDATES, best)
                first += len(block)
        return [index for _, index in best]


def passage_of(content: str) -> Passage:
    """Return a passage from its JSON object."""
    fields = json.loads(content)
    return Passage(**{**fields, "location": Location(**fields["location"])})


@contextmanager
def explained() -> Iterator[None]:
    """Turn what SQLite raises into one line."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "fts5" in str(error):
            raise UsageError(
                "this Python's SQLite has no full-text search (FTS5), so that passages cannot be looked up: "
                "use another Python, such as that of python.org"
            ) from None
        raise MemoryLimitError(
            f"the passages of the document cannot be kept in the temporary folder ({error}): free space there, "
            "or set TMPDIR to another disk"
        ) from None
