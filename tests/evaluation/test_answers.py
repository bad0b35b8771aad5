"""Asking in every way, with a tiny random model: what each method reads, that none disturbs another."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from freqkv_cli.answering.ask import FROM_MEMORY
from freqkv_cli.config import Settings
from freqkv_cli.documents.document import Document, open_document
from freqkv_cli.errors import UsageError
from freqkv_cli.evaluation.answers import (
    Examination,
    Places,
    check_document,
    choose_methods,
    evaluate_answers,
    first_of_each_split,
)
from freqkv_cli.evaluation.methods import (
    METHODS,
    ends_of,
    fresh_session,
    passages_answer,
    plain_answer,
    read_cut,
    reserve,
)
from freqkv_cli.evaluation.question_file import Question, QuestionFile
from freqkv_cli.evaluation.result import last_value
from freqkv_cli.evaluation.verdicts import Citation
from freqkv_cli.events import Done, Note, Progress, Text
from freqkv_cli.reading.session import Session, open_session
from tests.tiny_folder import save_tiny_model

TEXT = "".join(f"Line {number}: the fox number {number} sleeps.\n" for number in range(1, 121))
SLOTS = 1536


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = save_tiny_model(tmp_path_factory.mktemp("model"))
    return Settings(model=folder, dtype="float32", device="cpu", cache_size=SLOTS, max_tokens=6, offline=True)


@pytest.fixture(scope="module")
def session(settings: Settings) -> Session:
    opened: Session = last_value(open_session(settings))
    return opened


@pytest.fixture
def document(tmp_path: Path) -> Iterator[Document]:
    path = tmp_path / "foxes.txt"
    path.write_text(TEXT, encoding="utf-8")
    with open_document(str(path)) as opened:
        yield opened


def questions(count: int) -> tuple[Question, ...]:
    return tuple(
        Question(f"q{number}", f"Where does fox {number} sleep?", None if number % 3 == 0 else ".", split=split)
        for number, split in zip(range(1, count + 1), ["tune", "test"] * count, strict=False)
    )


def test_all_methods_answer_all_questions(settings: Settings, document: Document) -> None:
    file = QuestionFile("foxes", questions(2))
    events = list(evaluate_answers([Examination(file, document)], settings))
    report = events[-1].report if isinstance(events[-1], Done) else {}
    texts = [event.delta for event in events if isinstance(event, Text)]
    assert [row["method"] for row in report["answers"]] == [method for method in METHODS for _ in range(2)]
    assert report["tokens"]["foxes"]["memory"] == report["tokens"]["foxes"]["window"] == len(TEXT)
    assert report["tokens"]["foxes"]["ask"] == report["tokens_read"] == len(TEXT)
    assert 0 < report["tokens"]["foxes"]["cut"] < len(TEXT)
    assert report["tokens"]["foxes"]["passages"] == 0
    answers = {(row["method"], row["id"]): row for row in report["answers"]}
    assert answers["ask", "q1"]["text"].endswith('" [line 1]')
    assert "[line" not in answers["memory", "q1"]["text"]
    assert answers["memory", "q1"]["text"] != answers["window", "q1"]["text"]
    assert answers["passages", "q1"]["passages"]
    assert len(texts) == 1
    assert "foxes, all questions" in texts[0]
    assert any(isinstance(event, Progress) and "passages, question 2 of 2" in event.source for event in events)


def test_a_document_is_read_once_for_each_policy(
    settings: Settings, document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    whole = Session.read

    def counted(self: Session, documents: Any) -> Any:
        read.append(self.settings.policy)
        return whole(self, documents)

    monkeypatch.setattr(Session, "read", counted)
    examination = Examination(QuestionFile("foxes", questions(1)), document)
    list(evaluate_answers([examination], settings, methods=("window", "memory", "ask")))
    assert read == [Settings().policy, "window"]


def test_an_answer_changes_neither_the_memory_nor_the_next_answer(session: Session, document: Document) -> None:
    reader = fresh_session(session, "freqkv")
    for _ in reader.read([document]):
        pass
    before = reader.cache.length, reader.cache.tokens_seen
    first = plain_answer(reader, "Where?").text
    plain_answer(reader, "And why, of all foxes, this one?")
    assert plain_answer(reader, "Where?").text == first
    assert (reader.cache.length, reader.cache.tokens_seen) == before
    assert session.cache.length == 0


def test_the_cut_document_fits_with_the_longest_question(session: Session, document: Document) -> None:
    asked = ["Where?", "Where do all the foxes of this long question sleep?"]
    cut = fresh_session(session, "full")
    kept = read_cut(cut, document, asked)
    longest = len(session.prompt.request(FROM_MEMORY.format(question=asked[1])))
    assert reserve(session, asked) == longest + 6
    assert cut.cache.room == longest + 6
    assert kept == SLOTS - len(session.prompt.prefix) - longest - 6 - len("\n\n[...]\n\n")
    assert plain_answer(cut, asked[1]).seconds > 0


def test_a_document_that_fits_is_not_cut(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "short.txt"
    path.write_text("A short text about one fox.\n", encoding="utf-8")
    with open_document(str(path)) as short:
        cut = fresh_session(session, "full")
        assert read_cut(cut, short, ["Where?"]) == len("A short text about one fox.\n")


def test_a_cache_too_small_for_a_cut_is_refused(session: Session, document: Document) -> None:
    with pytest.raises(UsageError, match="leave out the method cut"):
        read_cut(fresh_session(session, "full"), document, ["x" * SLOTS])


@pytest.mark.parametrize(
    ("room", "expected"),
    [(10, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]), (9, [0, 1, 2, 3, -1, 6, 7, 8, 9]), (4, [0, 1, -1, 9])],
)
def test_the_ends_of_a_document(room: int, expected: list[int]) -> None:
    assert ends_of(list(range(10)), room, [-1]) == expected


def test_passages_are_taken_as_long_as_they_fit(session: Session) -> None:
    asked: list[tuple[str, int]] = []

    def search(question: str, count: int) -> list[str]:
        asked.append((question, count))
        return ["one", "two", "x" * SLOTS, "four"]

    record = passages_answer(session, "Where?", search, 4)
    assert record.passages == ("one", "two")
    assert asked == [("Where?", 4)]
    assert session.cache.length == 0


def test_an_interrupt_ends_the_measuring(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    reader = fresh_session(session, "full")
    reader.engine.read(reader.cache, reader.prompt.prefix)
    monkeypatch.setattr("freqkv_cli.inference.sampling.Sampler.pick", interrupted)
    with pytest.raises(KeyboardInterrupt):
        plain_answer(reader, "Where?")


def test_methods_come_in_their_order_and_unknown_ones_are_refused() -> None:
    assert choose_methods(["window", "ask"]) == ("ask", "window")
    with pytest.raises(UsageError, match="no method 'magic'; choose from ask, memory"):
        choose_methods(["ask", "magic"])


def test_a_limit_keeps_the_share_of_absent_answers_in_each_split() -> None:
    kept = first_of_each_split(questions(18), 3)
    for split in ("tune", "test"):
        here = [question.answer is None for question in kept if question.split == split]
        assert (len(here), sum(here)) == (3, 1)
    assert len(first_of_each_split(questions(18), None)) == 18
    assert [one.id for one in kept] == sorted((one.id for one in kept), key=lambda name: int(name[1:]))


def test_another_version_of_the_document_is_warned_of(document: Document) -> None:
    same = Examination(QuestionFile("foxes", questions(1), sha256=document.sha256), document)
    other = Examination(QuestionFile("foxes", questions(1), source="package x", sha256="ab"), document)
    assert list(check_document(same)) == []
    (note,) = check_document(other)
    assert isinstance(note, Note)
    assert note.warning
    assert "package x" in note.message


def test_places_of_a_text_are_its_lines(document: Document) -> None:
    places = Places(document)
    assert places.text_at(Citation("", lines=(3, 4))) == "\n".join(TEXT.split("\n")[2:4])
    assert places.text_at(Citation("", lines=(999, 1000))) == ""
    assert places.text_at(Citation("", page=1)) == TEXT
    assert places.text_at(Citation("", part=1)) == TEXT
    assert places.text_at(Citation("", page=9)) == ""
    assert places.text_at(Citation("")) == ""
