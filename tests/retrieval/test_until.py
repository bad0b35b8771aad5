"""Places that a user names are found before the reading, and nothing behind them is given out."""

from pathlib import Path

import pytest

from freqkv_cli.config import Settings
from freqkv_cli.documents.document import Document, open_document
from freqkv_cli.errors import UsageError
from freqkv_cli.retrieval.retriever import Retriever
from freqkv_cli.retrieval.until import confine, key_of
from tests.documents.samples import write_epub, write_pdf

BODY = "The rain fell on the harbour all day and nobody came to look at the boats that lay there in a row. " * 8
NUMERALS = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII", "XIII", "XIV")
SECRETS = [f"culprit{number}" for number in range(20)]


def story(numbers: int = 14) -> str:
    """A text with a table of contents, and a chapter behind chapter 12 that tells twenty secrets."""
    contents = "\n".join(f"Chapter {numeral}" for numeral in NUMERALS)
    chapters = [f"CHAPTER {numeral}\n\n{BODY}\nWord of chapter {numeral.lower()}.\n" for numeral in NUMERALS[:numbers]]
    end = "".join(f"In the end {secret} did it, said witness {secret}.\n\n" for secret in SECRETS)
    return f"A Tale\n\nCONTENTS\n\n{contents}\n\n\n" + "\n\n".join(chapters) + f"\n\n{end}"


def opened(path: Path, **places: str) -> Document:
    """A document confined to the places."""
    document = open_document(str(path))
    confine([document], Settings(**places))  # type: ignore[arg-type]
    return document


def given(document: Document) -> str:
    """All that it gives."""
    return "".join(page.text for page in document.pages())


@pytest.fixture
def tale(tmp_path: Path) -> Path:
    path = tmp_path / "tale.txt"
    path.write_text(story())
    return path


@pytest.mark.parametrize("name", ["chapter 12", "Chapter XII", "CHAPTER TWELVE", "  chapter   xii "])
def test_a_chapter_is_found_however_its_number_is_written(tale: Path, name: str) -> None:
    document = opened(tale, until=name)
    text = given(document)
    assert text == story()[: story().index("CHAPTER XII\n\nThe rain")]
    assert document.progress() == 1.0
    line = story()[: len(text)].count("\n") + 1
    assert document.excerpt == f"until {' '.join(name.split())} (line {line})"


def test_the_table_of_contents_is_no_place(tale: Path) -> None:
    assert "Word of chapter xi." in given(opened(tale, until="chapter 12"))


def test_from_and_until_give_what_is_between_with_its_lines(tale: Path) -> None:
    document = opened(tale, start="chapter 9", until="chapter 12")
    pages = list(document.pages())
    text = "".join(page.text for page in pages)
    assert text.startswith("CHAPTER IX\n")
    assert "Word of chapter xi." in text
    assert "Word of chapter viii." not in text
    assert "Word of chapter xii." not in text
    assert pages[0].first_line == story()[: story().index("CHAPTER IX\n\nThe")].count("\n") + 1


def test_a_share_ends_at_the_last_line_before_it(tale: Path) -> None:
    text = given(opened(tale, until="45%"))
    assert story().startswith(text)
    assert text.endswith("\n")
    assert 0.40 < len(text) / len(story()) <= 0.45


def test_a_chapter_of_an_epub_by_number_and_by_title(tmp_path: Path) -> None:
    chapters = [(f"{number}. The {name}", f"<h1>{number}. The {name}</h1><p>{BODY} {name}-word</p>")
                for number, name in enumerate(("Harbour", "Storm", "Trial"), 1)]  # fmt: skip
    book = write_epub(tmp_path / "book.epub", chapters)
    for name in ("chapter 3", "the trial", "Trial", "3. The Trial"):
        text = given(opened(book, until=name))
        assert "Storm-word" in text
        assert "Trial" not in text
    assert given(opened(book, start="chapter 2", until="chapter 3")).startswith("2. The Storm")


def test_a_heading_inside_a_page_parts_it(tmp_path: Path) -> None:
    body = f"<h1>One</h1><p>{BODY}</p><h2>The inn</h2><p>{BODY} inn-word</p><h2>The mill</h2><p>mill-word {BODY}</p>"
    book = write_epub(tmp_path / "book.epub", [("One", body)])
    document = opened(book, start="the inn", until="the mill")
    (page,) = document.pages()
    assert page.text.startswith("The inn")
    assert "inn-word" in page.text
    assert "mill" not in page.text.casefold()
    assert page.locate(0).heading == "One > The inn"


def test_a_pdf_ends_before_the_page(tmp_path: Path) -> None:
    pdf = write_pdf(tmp_path / "a.pdf", [f"Title {n}\n{BODY[:90]}\nword{n}" for n in range(1, 6)], titles=True)
    for name in ("p. 4", "p.4", "page 4", "Title 4"):
        document = opened(pdf, until=name)
        assert [page.number for page in document.pages()] == [1, 2, 3]
        assert document.excerpt == f"until {name} (p. 4)"
    assert "word4" not in given(opened(pdf, until="Title 4"))


@pytest.mark.parametrize(
    ("places", "told"),
    [
        ({"until": "chapter 99"}, "nearest are: CHAPTER IX"),
        ({"until": "p. 3"}, "has no pages"),
        ({"until": "0%"}, "between 0% and 100%"),
        ({"start": "chapter 12", "until": "chapter 9"}, "nothing stands before chapter 9"),
    ],
)
def test_a_place_that_cannot_be_is_said(tale: Path, places: dict[str, str], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        opened(tale, **places)


def test_a_page_that_is_not_there_is_said(tmp_path: Path) -> None:
    pdf = write_pdf(tmp_path / "a.pdf", [f"Words on page {n}\n{BODY[:90]}" for n in range(1, 4)])
    with pytest.raises(UsageError, match=r"no page 9: its last one is 3"):
        opened(pdf, until="p. 9")


def test_places_are_of_one_document(tale: Path) -> None:
    with pytest.raises(UsageError, match="one alone"):
        confine([open_document(str(tale)), open_document(str(tale))], Settings(until="45%"))


def test_nothing_behind_the_place_can_be_found(tale: Path) -> None:
    document = opened(tale, until="chapter 12")
    retriever = Retriever([document])
    for page in document.pages():
        retriever.add(0, page)
    retriever.finish()
    for secret in SECRETS:
        found = [*retriever.find([f"Who is {secret}?", "Who did it in the end?"], 10), *retriever.find(["the end"], 10)]
        texts = [hit.passage.text for hit in found] + [one.text for one in retriever.named("Chapter XIV", 10)]
        assert all("culprit" not in text and "witness" not in text for text in texts)
    assert all("culprit" not in passage.text for passage in retriever.index)
    assert not any("XIII" in entry.title or "XIV" in entry.title for entry in retriever.outline)


def test_numbers_in_titles_compare_alike() -> None:
    assert key_of("Chapter Twenty-One") == key_of("chapter XXI") == key_of("CHAPTER 21") == ["chapter", "21"]
    assert key_of("The Civil War") == ["the", "civil", "war"]
