"""What was read can be looked up: places are right in every kind of document, and absent things are not found."""

from collections.abc import Generator
from pathlib import Path
from typing import Literal

import pytest

from freqkv_cli.answering import ask as asking
from freqkv_cli.answering.ask import ask
from freqkv_cli.answering.quotes import Quote, best_quotes
from freqkv_cli.config import Settings
from freqkv_cli.documents import open_documents
from freqkv_cli.events import Done, Event, Note, Text
from freqkv_cli.reading.session import Answer
from freqkv_cli.retrieval.retriever import Lookup
from freqkv_cli.retrieval.vocabulary import invented_names

FILLER = "".join(f"Nothing happened on day {number} of the long voyage.\n" for number in range(200))
FACT = "The cook of the ship was called Ambrose Pell.\n"


def looked_up(*texts: str, tmp_path: Path) -> Lookup:
    paths = []
    for number, text in enumerate(texts):
        path = tmp_path / f"{number}.txt"
        path.write_text(text)
        paths.append(str(path))
    documents = open_documents(paths)
    lookup = Lookup(documents)
    for number, document in enumerate(documents):
        for page in document.pages():
            lookup.add(number, page)
    lookup.finish()
    return lookup


def best_quote(lookup: Lookup, question: str) -> Quote:
    return best_quotes(question, lookup.find(question, 5).hits, lookup.index, 1)[0]


def test_a_sentence_is_found_with_its_line(tmp_path: Path) -> None:
    lookup = looked_up(FILLER + FACT + FILLER, tmp_path=tmp_path)
    quote = best_quote(lookup, "What was the cook called?")
    assert quote.text == FACT.strip()
    assert quote.passage.place == "line 201"
    assert lookup.find("What was the cook called?", 5).likely


def test_documents_are_kept_apart(tmp_path: Path) -> None:
    quote = best_quote(looked_up(FILLER, FACT, FILLER, tmp_path=tmp_path), "What was the cook called?")
    assert quote.passage.document == 1
    assert quote.passage.place == "line 1"


def test_what_is_not_there_is_not_likely(tmp_path: Path) -> None:
    assert not looked_up(FILLER + FACT, tmp_path=tmp_path).find("Which bishop blessed the cathedral?", 5).likely


def test_a_quantity_need_not_be_named_in_the_text(tmp_path: Path) -> None:
    lookup = looked_up("The keeper has three goats.\n" + FACT, tmp_path=tmp_path)
    assert lookup.find("How many goats does he have?", 5).likely
    assert not lookup.find("How many bishops does he have?", 5).likely
    assert not lookup.find("How many?", 5).likely


@pytest.mark.parametrize(("question", "expected"), [("What was the cook called?", True), ("Which bishop died?", False)])
def test_ask_cites_or_says_not_found(tiny: str, tmp_path: Path, question: str, expected: bool) -> None:
    path = tmp_path / "voyage.txt"
    path.write_text(FILLER + FACT + FILLER)
    events = list(ask(open_documents([str(path)]), question, Settings(model=tiny, max_tokens=5)))
    done = events[-1]
    assert isinstance(done, Done)
    shown = "".join(event.delta for event in events if isinstance(event, Text))
    assert done.report["text"] == shown
    assert done.report["not_found"] is not expected
    if expected:
        assert shown == f'"{FACT.strip()}" [line 201]'  # what a random model writes is not what the text says
        assert done.report["citations"][0]["first_line"] == 201
        assert done.report["citations"][0]["verified"]
        assert done.report["withheld_text"]
    else:
        assert shown == asking.NOT_FOUND
        assert done.report["citations"] == []


def test_names_that_a_summary_makes_up_are_known(tmp_path: Path) -> None:
    vocabulary = looked_up(FILLER + FACT, tmp_path=tmp_path).vocabulary
    assert invented_names("The cook Ambrose Pell met Zorblax Quill at sea.", vocabulary) == ["Zorblax Quill"]


def test_no_recall_is_memory_alone(tiny: str, tmp_path: Path) -> None:
    path = tmp_path / "voyage.txt"
    path.write_text(FILLER + FACT)
    done = list(ask(open_documents([str(path)]), "Who cooked?", Settings(model=tiny, max_tokens=5, recall=0)))[-1]
    assert isinstance(done, Done)
    assert done.report["citations"] == []
    assert not done.report["not_found"]


def test_what_is_read_again_can_be_shown(tiny: str, tmp_path: Path) -> None:
    path = tmp_path / "voyage.txt"
    path.write_text(f"The ship sailed on.\n{FACT}")  # short, as a token of the tiny model is a byte
    settings = Settings(model=tiny, max_tokens=5, show_passages=True)
    events = list(ask(open_documents([str(path)]), "What was the cook called?", settings))
    shown = [event.message for event in events if isinstance(event, Note) and event.wanted]
    assert shown[:1] == [f"[lines 1-2]\nThe ship sailed on.\n{FACT}"]


MADE_UP = "Zorblax Quill threw 77 of them away."


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that writes what no document says."""

    def write(*args: object) -> Generator[Event, None, Answer]:
        yield from ()
        return Answer(MADE_UP)

    monkeypatch.setattr(asking, "write", write)


@pytest.mark.usefixtures("made_up")
@pytest.mark.parametrize(
    ("verify", "first", "withheld", "unverified"),
    [
        ("words", f'"{FACT.strip()}" [line 201]', MADE_UP, []),
        ("names", f"{MADE_UP} [not found in the text: Zorblax Quill, 77]", "", ["Zorblax Quill", "77"]),
    ],
)
def test_what_no_passage_bears_out_is_left_out_or_marked(
    tiny: str, tmp_path: Path, verify: Literal["words", "names"], first: str, withheld: str, unverified: list[str]
) -> None:
    path = tmp_path / "voyage.txt"
    path.write_text(FILLER + FACT)
    settings = Settings(model=tiny, verify=verify)
    events = list(ask(open_documents([str(path)]), "Why did the cook of the ship cook nothing?", settings))
    done = events[-1]
    assert isinstance(done, Done)
    assert done.report["text"].split("\n")[0] == first
    assert (done.report["withheld_text"], done.report["unverified"]) == (withheld, unverified)
    assert any("left out" in event.message for event in events if isinstance(event, Note)) is (verify == "words")


@pytest.mark.usefixtures("made_up")
def test_what_something_is_stands_in_the_words_of_the_document(tiny: str, tmp_path: Path) -> None:
    path = tmp_path / "voyage.txt"
    path.write_text(FILLER + "Ambrose Pell was an honest cook.\n" + FILLER + "We all liked Ambrose Pell.\n")
    done = list(ask(open_documents([str(path)]), "Who is Ambrose Pell?", Settings(model=tiny)))[-1]
    assert isinstance(done, Done)
    assert done.report["text"] == '"Ambrose Pell was an honest cook." [line 201]'
    assert done.report["withheld_text"] == ""
