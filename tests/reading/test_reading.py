"""Reading and answering with a tiny model: everything is read, counted and reported, and a request leaves no trace."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from freqkv_cli.answering.ask import ask
from freqkv_cli.config import Settings
from freqkv_cli.documents import open_documents
from freqkv_cli.errors import MemoryLimitError, UsageError
from freqkv_cli.events import Done, Event, Note, Progress, Text
from freqkv_cli.models import memory
from freqkv_cli.reading import plan as planning
from freqkv_cli.reading.plan import pinned_geometry
from freqkv_cli.states.count import count
from freqkv_cli.summarizing.summarize import summarize


def report_of(events: Iterable[Event]) -> tuple[dict[str, Any], list[Event]]:
    seen = list(events)
    assert isinstance(seen[-1], Done)
    return seen[-1].report, seen


def ask_about(path: Path, **settings: Any) -> tuple[dict[str, Any], list[Event]]:
    chosen = Settings(max_tokens=12, recall=0, **settings)
    return report_of(ask(open_documents([str(path)]), "Which line?", chosen))


def test_everything_is_read_and_counted(tiny: str, book: Path) -> None:
    report, events = ask_about(book, model=tiny, cache_size=256)
    text = book.read_text()
    assert report["tokens_read"] == report["input"][0]["tokens"] == report["input"][0]["tokens_read"]
    assert len(text) * 0.9 < report["tokens_read"] <= len(text)
    assert report["tokens_dropped"] == 0
    assert report["cache"]["compressions"] > 10
    assert report["cache"]["bytes"] == report["memory"]["cache_bytes"] == 2 * 2 * 2 * 256 * 16 * itemsize(report)
    assert report["text"] == "".join(event.delta for event in events if isinstance(event, Text))
    assert report["input"][0]["sha256"]
    reading = [event for event in events if isinstance(event, Progress) and event.phase == "reading"]
    assert reading[-1].tokens_done == reading[-1].tokens_total == report["tokens_read"]
    assert {event.cache_bytes for event in reading} == {report["cache"]["bytes"]}
    assert all(event.slots_used <= 256 for event in reading)


def itemsize(report: dict[str, Any]) -> int:
    return {"bfloat16": 2, "float32": 4}[report["model"]["dtype"]]


def test_chunks_do_not_change_the_answer(tiny: str, book: Path) -> None:
    # Not landmarks: the attention of a random model is all but zero nearly everywhere, and its order there is noise.
    settings = {"model": tiny, "dtype": "float32", "cache_size": 256, "policy": "freqkv"}
    answers = {ask_about(book, chunk=size, **settings)[0]["text"] for size in (17, 64, 300)}
    assert len(answers) == 1


def test_the_instruction_is_pinned(tiny: str, book: Path) -> None:
    plain, _ = ask_about(book, model=tiny)
    pinned, _ = ask_about(book, model=tiny, pin_question=True)
    assert plain["cache"]["sink_tokens"] >= plain["cache"]["pinned_tokens"] > 50
    assert pinned["cache"]["pinned_tokens"] > plain["cache"]["pinned_tokens"] + len("Which line?")


def test_full_policy_reads_what_fits_and_refuses_the_rest(tiny: str, book: Path, tmp_path: Path) -> None:
    short = tmp_path / "short.txt"
    short.write_text("A short story.\n")
    report, _ = ask_about(short, model=tiny, policy="full")
    assert report["cache"]["compressions"] == 0
    with pytest.raises(UsageError, match="longer than the cache of 512 slots"):
        ask_about(book, model=tiny, policy="full")


def test_special_tokens_in_a_document_are_text(tiny: str, tmp_path: Path) -> None:
    path = tmp_path / "hostile.txt"
    path.write_text("<|im_end|>" * 20)
    report, _ = ask_about(path, model=tiny)
    assert report["tokens_read"] == 200  # ten letters each, not one special token


def test_several_documents_are_counted_apart(tiny: str, book: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text("Another story.\n")
    documents = open_documents([str(book), str(other)])
    report, _ = report_of(summarize(documents, Settings(model=tiny, max_tokens=3)))
    counted, _ = report_of(count(open_documents([str(book), str(other)]), Settings(model=tiny)))
    assert [part["tokens"] for part in report["input"]] == [part["tokens"] for part in counted["input"]]
    assert [part["tokens_dropped"] for part in report["input"]] == [0, 0]
    assert counted["tokens"] == report["tokens_read"]
    assert counted["fits"]


def test_count_loads_no_weights(tiny: str, book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ask_about(book, model=tiny)  # converts the model
    monkeypatch.setattr("freqkv_cli.models.loading._load_weights", lambda *_: pytest.fail("weights were loaded"))
    report, _ = report_of(count(open_documents([str(book)]), Settings(model=tiny)))
    assert report["estimated"]["tokens_per_second"] > 0
    assert report["estimated"]["speed_basis"] == "measured in an earlier run"
    other, _ = report_of(count(open_documents([str(book)]), Settings(model=tiny, cache_size=384)))
    assert other["estimated"]["speed_basis"] == "calculated"
    assert other["estimated"]["tokens_per_second"] > 0


def test_too_large_a_cache_is_refused(tiny: str, book: Path) -> None:
    with pytest.raises(UsageError, match="--cache-size 513 is more than the window"):
        ask_about(book, model=tiny, cache_size=513)


def test_pinned_text_must_fit(tiny: str, book: Path) -> None:
    with pytest.raises(UsageError, match="cannot hold"):
        ask_about(book, model=tiny, cache_size=64)


def test_too_little_memory_is_refused_before_loading(tiny: str, book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "available_memory", lambda device: 1000)
    loading = "freqkv_cli.reading.open_session.load_model"
    monkeypatch.setattr(loading, lambda *_, **__: pytest.fail("weights were loaded"))
    with pytest.raises(MemoryLimitError, match="not enough memory"):
        ask_about(book, model=tiny, cache_size=256)
    assert memory.available_memory("cpu") > 1000


def test_an_interrupted_answer_is_reported(tiny: str, book: Path) -> None:
    events = ask(open_documents([str(book)]), "Which line?", Settings(model=tiny, max_tokens=50, recall=0))
    for event in events:
        if isinstance(event, Progress) and event.phase == "answering" and event.tokens_done == 3:
            last = events.throw(KeyboardInterrupt())  # type: ignore[attr-defined]
            rest = [last, *events]
            break
    done = rest[-1]
    assert isinstance(done, Done)
    assert done.report["finish_reason"] == "interrupted"


def test_a_warning_of_a_document_is_passed_on(tiny: str, tmp_path: Path) -> None:
    path = tmp_path / "old.txt"
    path.write_bytes("Ein schöner Tag, größer als je zuvor. Die Straße führt über die Brücke.\n".encode("cp1252") * 5)
    report, events = ask_about(path, model=tiny)
    notes = [event.message for event in events if isinstance(event, Note) and event.warning]
    assert report["warnings"] == notes
    assert len(notes) == 1
    assert report["input"][0]["encoding"] == "cp1252"


def test_slots_are_divided() -> None:
    geometry = pinned_geometry(Settings(recent_tokens=100, policy="freqkv"), 2048, prefix=45)
    assert (geometry.cache_size, geometry.recent_tokens) == (2048, 100)
    assert geometry.sink_tokens >= 45
    assert (2048 - 100 - geometry.sink_tokens) % 32 == 0
    # Other policies have no use for blocks, and pin the instruction alone.
    assert pinned_geometry(Settings(recent_tokens=100, policy="landmarks"), 2048, prefix=45).sink_tokens == 45
    assert pinned_geometry(Settings(sink_tokens=70), 128, prefix=45).sink_tokens >= 70
