"""A session reads texts again and is asked, and stays bit for bit what it was."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from freqkv_cli.config import Settings
from freqkv_cli.documents import open_documents
from freqkv_cli.errors import UsageError
from freqkv_cli.events import Event, Note, Progress, Text
from freqkv_cli.kvcache.cache import FreqkvCache
from freqkv_cli.reading.open_session import open_session
from freqkv_cli.reading.report import answer_report
from freqkv_cli.reading.session import Session
from freqkv_cli.reading.writing import Answer
from freqkv_cli.states.saving import save_reading
from tests.reading.playing import ended, searched


@pytest.fixture
def session(tiny: str, book: Path) -> Session:
    """A session that has read the book into 400 slots."""
    session = ended(open_session(Settings(model=tiny, dtype="float32", cache_size=400)))
    ended(session.read(open_documents([str(book)])))
    return session


def bits(cache: FreqkvCache) -> list[Tensor]:
    return [tensor.clone() for layer in cache.layers for tensor in (layer.keys, layer.values)]


def same(one: list[Tensor], other: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def figures(cache: FreqkvCache) -> tuple[int, ...]:
    return cache.length, cache.tokens_seen, cache.compressions, cache.rows_kept


@pytest.mark.parametrize("request_length", [5, 60])
def test_an_answer_leaves_what_was_read_as_it_was(session: Session, request_length: int) -> None:
    before, known = bits(session.cache), figures(session.cache)
    first = ended(session.answer("x" * request_length, 20))
    again = ended(session.answer("x" * request_length, 20))
    assert first.text == again.text
    assert same(before, bits(session.cache))
    assert figures(session.cache) == known


@pytest.mark.parametrize("room", [100, 20])  # enough, and so little that the answer needs a compression
def test_an_answer_leaves_what_was_consulted_as_it_was(session: Session, room: int) -> None:
    cache = session.consult("A short text that is read again, of a few words." * 2, room)
    before, known = bits(cache), figures(cache)
    texts = {ended(session.answer("Which?", 15, on=cache, quiet=True)).text for _ in range(2)}
    assert len(texts) == 1
    assert same(before, bits(cache))
    assert figures(cache) == known


def test_whether_it_affirms_is_asked_without_a_trace(session: Session) -> None:
    cache = session.consult("A short text.", 100)
    before, known = bits(cache), figures(cache)
    first, again = (session.affirms(cache, "Is it so?") for _ in range(2))
    assert first == again != 0
    assert session.affirms(cache, "Is it not?" * 30) != first
    assert same(before, bits(cache))
    assert figures(cache) == known


def test_affirming_compares_yes_and_no(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = session.consult("A short text.", 100)
    logits = torch.zeros(int(session.loaded.model.config.vocab_size))
    for word, value in (("Yes", 1.0), ("yes", 4.0), ("No", -2.0), ("no", 1.5)):
        (first, *_) = session.loaded.tokenizer(word, add_special_tokens=False)["input_ids"]
        logits[first] = value
    monkeypatch.setattr(type(session.engine), "read", lambda engine, on, ids: logits)
    assert session.affirms(cache, "Is it so?") == pytest.approx(4.0 - 1.5)


def test_what_is_consulted_stands_behind_the_instruction_alone(session: Session) -> None:
    text = "A short text."
    cache = session.consult(text, 50)
    assert cache.tokens_seen == len(session.prompt.prefix) + session.count_tokens(text)
    assert cache.room >= 50
    assert cache.compressions == 0
    behind_all = session.consult(text, 50, memory=True)
    assert behind_all.tokens_seen == session.cache.tokens_seen + session.count_tokens(f"\n\n{text}")
    assert behind_all.room >= 50


def test_what_does_not_fit_is_refused_in_one_line(session: Session) -> None:
    before = bits(session.cache)
    with pytest.raises(UsageError, match="give a larger --cache-size") as refusal:
        session.consult("x" * 300, 50)
    assert "\n" not in refusal.value.message
    with pytest.raises(UsageError, match="shorten it, or give a larger --cache-size"):
        ended(session.answer("x" * 300, 5))
    assert same(before, bits(session.cache))


def test_a_quiet_answer_shows_nothing(session: Session) -> None:
    loud: list[Event] = []
    quiet: list[Event] = []
    answer = ended(session.answer("Which?", 10), loud)
    ended(session.answer("Which?", 10, quiet=True), quiet)
    assert "".join(event.delta for event in loud if isinstance(event, Text)) == answer.text
    assert not any(isinstance(event, Text) for event in quiet)
    assert answer.tokens == 10
    assert answer.finish_reason == "length"


def test_searching_reads_nothing_and_keeps_every_passage(tiny: str, book: Path, session: Session) -> None:
    quick = searched([book], tiny, cache_size=256)
    assert quick.so_far.skimmed
    assert (quick.cache.tokens_seen, quick.tokens_read) == (0, 0)
    assert quick.retriever is not None
    assert session.retriever is not None
    assert list(quick.retriever.index) == list(session.retriever.index)
    report = json.loads(json.dumps(answer_report("ask", quick, Answer())))
    assert report["tokens_searched"] == session.tokens_read
    assert (report["tokens_read"], report["tokens_dropped"]) == (0, 0)


def test_searching_passes_warnings_on_and_says_what_it_does(tiny: str, tmp_path: Path) -> None:
    path = tmp_path / "old.txt"
    text = "Ein sch\u00f6ner Tag, gr\u00f6\u00dfer als je zuvor. Die Stra\u00dfe f\u00fchrt zur Br\u00fccke.\n"
    path.write_bytes(text.encode("cp1252") * 5)
    session = ended(open_session(Settings(model=tiny)))
    seen: list[Event] = []
    ended(session.skim(open_documents([str(path)])), seen)
    assert [event.message for event in seen if isinstance(event, Note) and event.warning] == session.warnings
    assert len(session.warnings) == 1
    assert any(isinstance(event, Progress) and event.detail for event in seen)


def test_what_was_only_searched_cannot_be_kept(tiny: str, book: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--quick"):
        save_reading(searched([book], tiny, cache_size=256), tmp_path / "book.freqkv")
    assert not (tmp_path / "book.freqkv").exists()
