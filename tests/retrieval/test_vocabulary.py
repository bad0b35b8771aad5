"""Invented names: in no document, found in every summary that has them."""

from pathlib import Path

import pytest

from freqkv_cli.documents import open_document
from freqkv_cli.retrieval.vocabulary import Vocabulary, invented_names, unknown_words


def test_names_and_numbers_of_a_text() -> None:
    vocabulary = Vocabulary()
    vocabulary.add("Mr. Darcy\u2019s aunt, Lady Catherine de Bourgh, has ten thousand.")
    vocabulary.add("THE GARDINERS OF CHEAPSIDE")
    for name in ("Darcy", "Mrs. Darcy", "Catherine", "Catherine de Bourgh", "Gardiner", "the Gardiners'", "10,000"):
        assert vocabulary.contains(name), name
    for name in ("Bingley", "Catherine Bingley", "1,000"):
        assert not vocabulary.contains(name), name


def test_invented_names_come_once_and_in_order() -> None:
    vocabulary = Vocabulary()
    vocabulary.add("Elizabeth Bennet of Longbourn met the main characters.")
    summary = (
        "Elizabeth Bennet lives at Longbourn with Mr. Robertson. Surely she likes Emma Woodhouse.\n"
        "**Main Characters**: Elizabeth, Robertson's sister. However, Longbourn is far away."
    )
    assert invented_names(summary, vocabulary) == ["Robertson", "Emma Woodhouse"]


@pytest.mark.parametrize("name", ["pride_and_prejudice.txt", "northanger_abbey.txt", "developers-reference.pdf"])
def test_a_document_invents_nothing_of_its_own(data: Path, name: str) -> None:
    vocabulary = Vocabulary()
    with open_document(str(data / name), pages="11-60" if name.endswith("pdf") else None) as document:
        pages = list(document.pages())
    for page in pages:
        vocabulary.add(page.text)
    assert [name for page in pages for name in invented_names(page.text, vocabulary)] == []
    assert invented_names("They met Gandalf near Mr. Frodo Baggins.", vocabulary) == ["Gandalf", "Frodo Baggins"]


def test_unknown_words_are_looked_for_at_the_start_of_sentences_too() -> None:
    vocabulary = Vocabulary()
    vocabulary.add("Elizabeth Bennet of Longbourn met Mr. Bingley, who has 5 horses.")
    text = "Gandalf met Elizabeth. However, Mr. Bingley has seven horses. The Bennets have five."
    assert unknown_words(text, vocabulary) == ["Gandalf", "seven"]
    assert unknown_words(text, vocabulary, capitals=False) == ["seven"]
