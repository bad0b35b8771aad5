"""The index: the right passage comes first, in any language, and in memory that does not grow."""

import ctypes
import json
import math
import random
import re
import sqlite3
import tracemalloc
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from freqkv_cli.documents import open_document
from freqkv_cli.errors import MemoryLimitError, UsageError
from freqkv_cli.location import Location
from freqkv_cli.retrieval import index as indexing
from freqkv_cli.retrieval.index import FUSION, PassageIndex, explained
from freqkv_cli.retrieval.passage import Passage, split_passages
from freqkv_cli.retrieval.word_vectors import DIMENSIONS, text_vectors

TEXTS = [
    "The housekeeper showed them the gallery.",
    "Mrs. Reynolds, the housekeeper of Pemberley, is a respectable woman.",
    "Pemberley is a large house in Derbyshire; nobody mentioned the gallery, the lake or the park of the housekeeper.",
    "Le cur\u00e9 habite \u00e0 Paris, pr\u00e8s de la Seine, depuis de longues ann\u00e9es.",
    "\u6771\u4eac\u306f\u65e5\u672c\u306e\u9996\u90fd\u3067\u3059\u3002",
    "Der Mieter muss die Wohnungen in gutem Zustand halten und alle Vertr\u00e4ge aufheben.",
    "Las ni\u00f1as cantaban canciones antiguas en la iglesia del pueblo.",
]


def make_index(texts: Sequence[str] = TEXTS) -> PassageIndex:
    index = PassageIndex()
    for number, text in enumerate(texts):
        index.add(Passage(text, number, 0, Location(first_line=number + 1, last_line=number + 1)))
    return index


def best(index: PassageIndex, question: str) -> int:
    (hit,) = index.search(question, 1)
    return hit.passage.index


def bm25(documents: Sequence[Sequence[str]], wanted: Sequence[str]) -> list[float]:
    """Robertson's BM25 with k1 = 1.2 and b = 0.75, as SQLite says that it has it."""
    mean = sum(map(len, documents)) / len(documents)
    scores = [0.0] * len(documents)
    for word in wanted:
        holders = sum(word in document for document in documents)
        idf = max(math.log((len(documents) - holders + 0.5) / (holders + 0.5)), 1e-6)
        for number, document in enumerate(documents):
            often = document.count(word)
            scores[number] += idf * often * 2.2 / (often + 1.2 * (0.25 + 0.75 * len(document) / mean))
    return scores


@pytest.mark.parametrize("seed", range(5))
def test_words_are_ranked_by_bm25(seed: int) -> None:
    chance = random.Random(seed)
    vocabulary = [f"q{number}" for number in range(40)]  # which no stemmer changes
    documents = [chance.choices(vocabulary, range(1, 41), k=chance.randrange(5, 60)) for _ in range(30)]
    wanted = chance.sample(vocabulary[:15], 3)
    with make_index([" ".join(document) for document in documents]) as index:
        ranking = index._by_words(" ".join(wanted))
    scores = bm25(documents, wanted)
    assert sorted(ranking) == [number for number, score in enumerate(scores) if score]
    assert all(scores[one] >= scores[other] - 1e-9 for one, other in pairwise(ranking))


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Who is the housekeeper at Pemberley?", 1),
        ("Who is the housekeeper called Reynolds?", 1),
        ("O\u00f9 habite le cure?", 3),
        ("\u9996\u90fd\u306f\u3069\u3053\u3067\u3059\u304b", 4),
        ("Wer muss den Vertrag aufheben?", 5),
        ("\u00bfQu\u00e9 cantaba la ni\u00f1a?", 6),
    ],
)
def test_endings_accents_and_scripts_are_met(question: str, expected: int) -> None:
    with make_index() as index:
        assert best(index, question) == expected


@pytest.mark.parametrize(
    ("question", "expected"), [("physician sick", 0), ("automobile mended", 1), ("infant asleep", 2)]
)
def test_other_words_for_the_same_are_found(question: str, expected: int) -> None:
    texts = ["The doctor cured the ill man.", "His car was repaired in town.", "The baby slept well at last."]
    with make_index([*texts, *(f"Chapter {number} of the law on taxes and tolls." for number in range(20))]) as index:
        assert index._by_words(question) == []
        assert best(index, question) == expected


def test_both_rankings_are_fused() -> None:
    question = "Were there galleries in the houses of the housekeeper?"
    with make_index() as index:
        rankings = index._by_words(question), index._by_meaning(question)
        hits = index.search(question, 5)
    for hit in hits:
        ranks = [ranking.index(hit.passage.index) + 1 for ranking in rankings if hit.passage.index in ranking]
        assert hit.score == pytest.approx(sum(1 / (FUSION + rank) for rank in ranks))
    assert all(one.score >= other.score for one, other in pairwise(hits))


def test_as_many_as_asked_for_come() -> None:
    with make_index() as index:
        assert [len(index.search("housekeeper", count)) for count in (0, 1, 3, 100)] == [0, 1, 3, len(TEXTS)]


def test_a_passage_comes_back_as_it_was_added() -> None:
    place = Location(page=12, page_label="xii", label="here", heading="Title > Part", unit="row", first_line=3)
    passage = Passage('a "quoted" text \u2603', 0, 1, place)
    with PassageIndex() as index:
        index.add(passage)
        (hit,) = index.search("quoted?", 5)
        assert hit.passage == passage == index[0]
        assert list(index) == [passage]
        with pytest.raises(IndexError):
            index[1]


def test_a_heading_counts_as_text() -> None:
    with make_index(["Nothing."] * 5) as index:
        index.add(Passage("It is five years long.", 5, 0, Location(heading="Guarantee")))
        assert best(index, "guarantee") == 5


def test_passages_can_be_added_after_a_search() -> None:
    with make_index() as index:
        assert index._by_words("lighthouse keeper") == []
        index.add(Passage("The lighthouse.", 7, 0, Location(part=1)))
        assert best(index, "lighthouse keeper") == 7
        assert len(index) == 8


def test_the_language_of_most_passages() -> None:
    german = "Der Leuchtturmw\u00e4rter hat drei Ziegen und ein blaues Boot, das er noch nie benutzt hat."
    with make_index([german, TEXTS[2], german]) as index:
        assert index.language == "de"
    with PassageIndex() as empty:
        assert empty.language == "en"


@pytest.mark.parametrize(
    ("claims", "held"),
    [
        ([], True),
        (["Ambrose Pell", "1,250"], True),
        (["1250"], True),
        (["1.250"], True),
        (["Hull"], True),
        (["April"], True),
        (["May"], False),
        (["Pell", "Dora"], False),
        (["Pell Ambrose"], False),  # they stand the other way round
        (["Ambrose Hull"], False),  # in two passages
        (["125"], False),
        (["?"], True),  # there is nothing to look for
    ],
)
def test_whether_names_and_numbers_stand_somewhere(claims: list[str], held: bool) -> None:
    with make_index(["The cook, Ambrose Pell, had 1,250 crowns.", "He was born in Hull on Apr 4."]) as index:
        assert index.holds_all(claims) is held


@pytest.mark.parametrize("question", ['"', "NEAR(a b) OR *", "text:a AND NOT ^b", "'; DROP TABLE passage; --", "", "?"])
def test_hostile_questions_and_an_empty_index(question: str) -> None:
    with make_index() as index, PassageIndex() as empty:
        assert isinstance(index.search(question, 3), list)
        assert index.holds_all([question]) in (True, False)
        assert best(index, "Reynolds") == 1
        assert empty.search(question, 5) == []


def test_memory_does_not_grow_with_what_is_added_or_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "BLOCK", 50)
    monkeypatch.setattr(indexing, "BATCH", 5)
    text = TEXTS[2] * 40
    with make_index([text] * 20) as index:
        index.search("housekeeper", 5)
        tracemalloc.start()
        for number in range(20, 220):
            index.add(Passage(text, number, 0, Location(part=1)))
        grown, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        assert list(index.indexing()) == [70, 120, 170, 220]
        _, while_indexing = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        index.search("housekeeper", 5)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert while_indexing - grown < len(text) * 200 / 4
    assert grown < len(text) * 200 / 10
    assert peak - grown < 220 * DIMENSIONS * 8 / 2


class HeapFigures(ctypes.Structure):
    """What glibc's mallinfo2 returns; `in_use` are the bytes that are allocated."""

    _fields_ = [(name, ctypes.c_size_t) for name in ("arena", "a", "b", "c", "mapped", "d", "e", "in_use", "f", "g")]


def test_a_sentence_is_forgotten_when_its_vector_has_been_made() -> None:
    measure = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if measure is None:
        pytest.skip("only glibc tells what is allocated")
    measure.restype = HeapFigures
    sentences = [
        f"In the year {number} the harbour was closed for {number % 97} days by ice." for number in range(3000)
    ]
    text_vectors(sentences[:1])
    before = measure().in_use
    for sentence in sentences:
        text_vectors([sentence])
    assert measure().in_use - before < 100 * len(sentences)  # remembered, each takes more than 2,000


class WithoutFts5(sqlite3.Connection):
    """A SQLite that was built without full-text search."""

    def executescript(self, script: str, /) -> Any:
        """Fail as it does there."""
        raise sqlite3.OperationalError("no such module: fts5")


def test_without_full_text_search_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("freqkv_cli.retrieval.index.sqlite3.connect", WithoutFts5)
    with pytest.raises(UsageError, match=r"no full-text search \(FTS5\)") as refusal:
        PassageIndex()
    assert "\n" not in refusal.value.message


def test_a_full_disk_is_explained() -> None:
    with pytest.raises(MemoryLimitError, match="free space"), explained():
        raise sqlite3.OperationalError("database or disk is full")


def test_the_answer_is_among_the_passages_found(data: Path) -> None:
    """Measured: 10, 19 and 21 of 24; a fall below that by more than one is a loss."""
    with open_document(str(data / "pride_and_prejudice.txt")) as document, PassageIndex() as index:
        for passage in split_passages(document.pages()):
            index.add(passage)
        right = dict.fromkeys((1, 5, 8), 0)
        for line in (data / "qa_pride_and_prejudice.jsonl").read_text(encoding="utf-8").splitlines():
            question = json.loads(line)
            texts = [" ".join(hit.passage.text.split()) for hit in index.search(question["q"], 8)]
            for count in right:
                right[count] += any(re.search(question["a"], text, re.IGNORECASE) for text in texts[:count])
    assert right[1] >= 9
    assert right[5] >= 18
    assert right[8] >= 20
