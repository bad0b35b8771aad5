"""Readings that end at a place: nothing behind it is kept or told, and one that goes further goes on from there."""

from pathlib import Path

import pytest

from freqkv_cli.answering.shown_passages import gather
from freqkv_cli.errors import UsageError
from freqkv_cli.states.state_cache import list_kept
from tests.documents.samples import write_epub
from tests.reading.readings import ask_about, read_to, session_of

CHAPTER = "The rain fell on the harbour all day and nobody came to look. " * 4
SECRETS = [f"culprit{number}" for number in range(20)]
STORY = "".join(f"Chapter {number}\n\n{CHAPTER}\n\n" for number in range(1, 5)) + "\n\n".join(
    f"Chapter 5\n\n{CHAPTER} It was {secret}, as {secret} said." for secret in SECRETS
)


@pytest.fixture
def tale(tmp_path: Path) -> Path:
    path = tmp_path / "tale.txt"
    path.write_text(STORY)
    return path


def test_twenty_questions_about_what_comes_behind_find_nothing_of_it(reader: str, tale: Path) -> None:
    session = session_of(tale, reader, until="chapter 5", cache=False)
    for secret in SECRETS:
        evidence = gather(session, [f"Was it {secret}?"], 600)
        told = [evidence.text, *(one.text for one in (*evidence.passages, *evidence.edges))]
        assert evidence.passages
        assert not any("culprit" in text or "Chapter 5" in text for text in told)
    assert session.so_far.stream is not None
    assert session.so_far.stream.characters == STORY.index("Chapter 5")


def test_a_quick_search_and_a_report_end_there_too(reader: str, tale: Path) -> None:
    run = ask_about(tale, reader, until="chapter 5", quick=True, recall=8)
    assert run.report["input"][0]["excerpt"] == "until chapter 5 (line 17)"
    assert "culprit" not in str(run.report["passages"])


def test_a_reading_until_a_place_is_not_taken_for_an_earlier_one(tiny: str, tale: Path) -> None:
    whole = ask_about(tale, tiny)
    third = ask_about(tale, tiny, until="chapter 3")
    second = ask_about(tale, tiny, until="chapter 2")
    assert whole.reused == third.reused == second.reused == 0
    assert second.report["tokens_read"] < third.report["tokens_read"] < whole.report["tokens_read"]


def test_a_reading_goes_on_from_an_earlier_place(tiny: str, tale: Path) -> None:
    second = ask_about(tale, tiny, until="chapter 2")
    third = ask_about(tale, tiny, until="chapter 3")
    assert third.reused == second.report["tokens_read"]
    assert third.text == ask_about(tale, tiny, until="chapter 3", cache=False).text
    assert ask_about(tale, tiny).reused == third.report["tokens_read"]
    again = ask_about(tale, tiny, until="chapter 3")
    assert again.report["cache"]["hit"]
    assert again.report["input"][0]["excerpt"] == third.report["input"][0]["excerpt"]


def test_a_book_of_pages_goes_on_where_a_page_began(tiny: str, tmp_path: Path) -> None:
    chapters = [(f"Chapter {n}", f"<h1>Chapter {n}</h1><p>{CHAPTER}</p>") for n in range(1, 5)]
    book = write_epub(tmp_path / "book.epub", chapters)
    second = ask_about(book, tiny, until="chapter 2")
    third = ask_about(book, tiny, until="chapter 3")
    assert third.reused == second.report["tokens_read"]
    assert third.text == ask_about(book, tiny, until="chapter 3", cache=False).text


def test_a_state_has_its_end(tiny: str, tale: Path, tmp_path: Path) -> None:
    state = tmp_path / "tale.freqkv"
    read_to(state, tale, tiny, until="chapter 2")
    assert b"culprit" not in state.read_bytes()
    run = ask_about(state, tiny)
    assert run.report["input"][0]["excerpt"] == "until chapter 2 (line 5)"
    with pytest.raises(UsageError, match="leave --until out"):
        ask_about(state, tiny, until="chapter 2")
    assert list_kept()
