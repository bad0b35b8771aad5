"""What was read can be looked up: by what it says, by the page or the section that is named, in several queries."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from freqkv_cli.documents import open_documents
from freqkv_cli.documents.page import Page
from freqkv_cli.documents.stored_document import StoredDocument
from freqkv_cli.location import Location
from freqkv_cli.retrieval.retriever import OutlineEntry, Retriever, names

FILLER = "".join(f"Nothing happened on day {number} of the long voyage.\n" for number in range(200))
FACT = "The cook of the ship was called Ambrose Pell.\n"


def retrieved(*texts: str, tmp_path: Path, suffix: str = "txt") -> Retriever:
    paths = []
    for number, text in enumerate(texts):
        path = tmp_path / f"{number}.{suffix}"
        path.write_text(text)
        paths.append(str(path))
    documents = open_documents(paths)
    retriever = Retriever(documents)
    for number, document in enumerate(documents):
        for page in document.pages():
            retriever.add(number, page)
    retriever.finish()
    return retriever


def stored(kind: str = "pdf") -> StoredDocument:
    nothing: Sequence[int] = []
    return StoredDocument(
        name="a", kind=kind, sha256="", byte_count=1, page_count=3, has_pages=True, encoding=None,
        empty_pages=list(nothing), bad_pages={}, left_out={}, warnings=[], tokens=1,
    )  # fmt: skip


def of_pages(pages: Iterable[Page], kind: str = "pdf") -> Retriever:
    retriever = Retriever([stored(kind)])
    for page in pages:
        retriever.add(0, page)
    retriever.finish()
    return retriever


def test_a_passage_is_found_with_its_line(tmp_path: Path) -> None:
    (hit,) = retrieved(FILLER + FACT + FILLER, tmp_path=tmp_path).find(["What was the cook called?"], 1)
    assert FACT.strip() in hit.passage.text
    place = hit.passage.location
    assert place.first_line is not None
    assert place.last_line is not None
    assert place.first_line <= 201 <= place.last_line


def test_documents_are_kept_apart(tmp_path: Path) -> None:
    retriever = retrieved(FILLER, FACT, FILLER, tmp_path=tmp_path)
    (hit,) = retriever.find(["What was the cook called?"], 1)
    assert (hit.passage.document, hit.passage.place) == (1, "line 1")
    assert [passage.index for passage in retriever.index] == list(range(len(retriever.index)))


def test_several_queries_are_fused(tmp_path: Path) -> None:
    captain = "The captain was called Silas Crane.\n"
    retriever = retrieved(FACT, captain, *[FILLER] * 3, tmp_path=tmp_path)
    (first,) = retriever.find(["What was the cook called?", "cook Ambrose"], 1)
    assert first.passage.document == 0
    both = retriever.find(["Who was the cook?", "Who was the captain?"], 2)
    assert {hit.passage.document for hit in both} == {0, 1}
    assert len({hit.passage.index for hit in retriever.find(["cook", "captain"], 50)}) == len(retriever.index)


def test_a_page_that_is_named_is_found() -> None:
    pages = [
        Page(f"Of the whale {'and the sea ' * 250} {number}.", number, None, location=Location(page=number))
        for number in (1, 2, 3, 12)
    ]
    retriever = of_pages(pages)
    for question in (
        "What does page 12 say?",
        "See p. 12",
        "Was steht auf Seite 12?",
        "\u7b2c12\u9875\u8bf4\u4ec0\u4e48",
    ):
        assert {passage.location.page for passage in retriever.named(question, 9)} == {12}
    assert len(retriever.named("What does page 12 say?", 1)) == 1
    for question in ("What does page 7 say?", "Who is 12?", "12 pages"):
        assert retriever.named(question, 9) == []


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("Who is Silas Crane?", [1]),
        ("Did Ambrose Pell meet Mr. Crane, and where?", [3, 5]),
        ("Crane?", []),  # the word that a question begins with has a capital letter whatever it is
        ("Who is Nobody Known?", []),
        ("what did the captain do?", []),
        ("Wann starb der Hund von Silas Crane?", [1]),  # in German every noun has a capital letter
    ],
)
def test_names_of_a_question_are_introduced_where_they_stand_first(question: str, first: list[int]) -> None:
    texts = {
        1: "Silas Crane was the captain.",
        3: "Ambrose Pell cooked. Crane ate.",
        5: "They called Mr. Crane old.",
        7: "Silas Crane, Mr. Crane and Ambrose Pell came home with a dog, a Hund.",
    }
    retriever = of_pages(
        [
            Page(f"{texts.get(number, '')} {'and the sea ' * 120}.", number, None, location=Location(page=number))
            for number in range(9)
        ]
    )
    introduced = retriever.introducing(question)
    assert {passage.location.page for passage in introduced} == set(first)


def test_a_section_that_is_named_is_found(tmp_path: Path) -> None:
    body = "It rained and they were wet all day. " * 40
    text = "".join(f"CHAPTER {number}\n\n{body}\n\n" for number in range(1, 13))
    retriever = retrieved(text, tmp_path=tmp_path)
    assert [entry.title for entry in retriever.outline] == [f"CHAPTER {number}" for number in range(1, 13)]
    for number in (1, 2, 12):
        found = retriever.named(f"What happens in chapter {number}?", 3)
        assert found
        assert {passage.heading for passage in found} == {f"CHAPTER {number}"}
        assert found[0].text.startswith(f"CHAPTER {number}\n")
    assert retriever.named("What happens in chapter 13?", 3) == []


@pytest.mark.parametrize(
    ("question", "title", "expected"),
    [
        ("what happens in chapter 3", "Chapter 3. The Storm", True),
        ("what happens in chapter 4", "Chapter 3. The Storm", False),
        ("what does 4 penalties say", "4. Penalties", True),
        ("how many penalties", "4. Penalties", False),
        ("are there 4 of them", "4. Penalties", False),
        ("what are the general terms", "Contract > General Terms", True),
        ("what is general", "General Terms", False),
        ("is there a guarantee", "Guarantee", False),  # one word is too little
        ("anything", "", False),
    ],
)
def test_whether_a_title_is_named(question: str, title: str, expected: bool) -> None:
    assert names(set(question.split()), title) is expected


def test_markdown_headings_are_known(tmp_path: Path) -> None:
    body = "It rained and they were wet all day. " * 10
    retriever = retrieved(f"# Rain\n\n{body}\n\n## Sun\n\n{body}\n", tmp_path=tmp_path, suffix="md")
    assert retriever.outline == [OutlineEntry("Rain", 0), OutlineEntry("Rain > Sun", 1)]


def test_what_is_restored_is_what_was_added(tmp_path: Path) -> None:
    body = "It rained on the deck of the ship, and the crew was wet. " * 40
    added = retrieved(f"CHAPTER 1\n\n{body}\n\nCHAPTER 2\n\n{FACT}\n{body}", FILLER, tmp_path=tmp_path)
    restored = Retriever([stored("text"), stored("text")])
    restored.restore(list(added.index))
    assert list(restored.index) == list(added.index)
    assert restored.outline == added.outline
    assert restored.index.languages == added.index.languages
    for question in ("Who is the cook?", "What happened on day 150?"):
        assert restored.find([question], 5) == added.find([question], 5)


def test_each_page_gives_the_passages_that_are_complete_with_it(tmp_path: Path) -> None:
    retriever = Retriever([stored("text")])
    given = [retriever.add(0, Page(FILLER, number, 1 + 200 * (number - 1))) for number in (1, 2, 3)]
    left = retriever.finish()
    assert all(given)
    assert left
    assert [passage for passages in [*given, left] for passage in passages] == list(retriever.index)
    assert retriever.finish() == []
