"""What was read is kept and found again by its content: hits, growth, refusals of the disk, and two readers at once."""

import errno
import os
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from freqkv_cli.config import Settings
from freqkv_cli.documents import open_documents
from freqkv_cli.errors import StateError, UsageError
from freqkv_cli.events import Event, Note
from freqkv_cli.kvcache import cache_file as state_files
from freqkv_cli.reading.session import Session
from freqkv_cli.states import opening as reader
from freqkv_cli.states import state_cache as shelf
from freqkv_cli.states.opening import open_reading
from freqkv_cli.states.state_cache import claimed, find_kept, list_kept, prune, states_folder
from tests.reading.readings import NoteTaker, ask_about, followed, read_to, result_of, session_of


def test_the_second_reading_is_a_hit(tiny: str, book: Path) -> None:
    first, second = ask_about(book, tiny), ask_about(book, tiny)
    assert (first.reused, second.reused) == (0, first.report["tokens_read"])
    assert second.text == first.text
    assert second.report["input"] == first.report["input"]
    assert second.report["cache"]["hit"]
    told = (
        f"read {second.reused:,} tokens on {second.report['cache']['read_on']}, from the cache; --refresh reads again"
    )
    assert told in second.told
    assert second.report["timing"]["read_s"] == 0


def test_a_hit_clears_away_what_a_killed_process_left(tiny: str, book: Path) -> None:
    ask_about(book, tiny)
    (state,) = states_folder().iterdir()
    lock = states_folder() / f".{state.stem}.lock"
    lock.touch()
    state.with_suffix(".checkpoint").touch()
    assert ask_about(book, tiny).reused > 0
    assert list(states_folder().iterdir()) == [state]


def test_content_counts_and_not_the_name(tiny: str, book: Path, tmp_path: Path) -> None:
    ask_about(book, tiny)
    moved = book.rename(tmp_path / "moved.txt")
    again = ask_about(moved, tiny)
    assert again.reused > 0
    assert again.report["input"][0]["path"] == str(moved)
    moved.write_text(moved.read_text().replace("Line 7 ", "Line 8 "))
    assert ask_about(moved, tiny).reused == 0


@pytest.mark.parametrize(
    "settings",
    [{"cache_size": 384}, {"policy": "window"}, {"dtype": "float16"}, {"pin_question": True}, {"chunk": 100}],
)
def test_settings_that_matter_are_part_of_the_key(tiny: str, book: Path, settings: dict[str, Any]) -> None:
    ask_about(book, tiny)
    assert ask_about(book, tiny, **settings).reused == 0
    assert ask_about(book, tiny, temperature=0.5, seed=1, recall=0).reused > 0


def test_no_cache_keeps_nothing(tiny: str, book: Path) -> None:
    ask_about(book, tiny, cache=False)
    assert not states_folder().exists()
    ask_about(book, tiny)
    assert ask_about(book, tiny, cache=False).reused == 0


def test_refresh_reads_again(tiny: str, book: Path) -> None:
    ask_about(book, tiny)
    book.write_text(book.read_text() + "One more line.\n")
    assert ask_about(book, tiny, refresh=True).reused == 0
    assert ask_about(book, tiny, refresh=True).reused == 0


def test_the_folder_is_private(tiny: str, book: Path) -> None:
    ask_about(book, tiny)
    assert states_folder().stat().st_mode & 0o777 == 0o700
    kept = list(states_folder().iterdir())
    assert [path.suffix for path in kept] == [".freqkv"]
    assert kept[0].stat().st_mode & 0o777 == 0o600
    states_folder().chmod(0o755)
    ask_about(book, tiny, refresh=True)
    assert states_folder().stat().st_mode & 0o777 == 0o700


def test_a_damaged_state_is_replaced(tiny: str, book: Path) -> None:
    first = ask_about(book, tiny)
    path = next(states_folder().glob("*.freqkv"))
    whole = path.read_bytes()
    path.write_bytes(whole[:-100] + b"\x55" * 100)
    second = ask_about(book, tiny)
    assert second.reused == 0
    assert second.text == first.text
    assert any("cannot be used" in warning for warning in second.warnings)
    assert ask_about(book, tiny).reused > 0


def test_warnings_of_the_document_come_back(tiny: str, tmp_path: Path) -> None:
    path = tmp_path / "old.txt"
    path.write_bytes("Ein schöner Tag, größer als je zuvor. Die Straße führt über die Brücke.\n".encode("cp1252") * 5)
    first, second = ask_about(path, tiny), ask_about(path, tiny)
    assert second.reused > 0
    assert second.warnings == first.warnings
    assert second.report["warnings"] == first.report["warnings"]


def grown(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


def test_only_what_is_new_is_read(tiny: str, book: Path) -> None:
    before = ask_about(book, tiny).report["tokens_read"]
    grown(book, "The cook of the ship was called Ambrose Pell.\n")
    after = ask_about(book, tiny)
    assert after.reused == before
    new = after.report["tokens_read"] - before
    assert 40 <= new <= 46
    assert f"{new} new tokens read; {before:,} were read before" in after.told
    assert after.report["tokens_dropped"] == 0
    session = session_of(book, tiny)
    assert session.retriever is not None
    (hit,) = session.retriever.find(["What was the cook called?"], 1)
    assert hit.passage.place.endswith("101")


def test_growth_ends_as_reading_in_two_parts(tiny: str, book: Path) -> None:
    """The whole text was tokenised in two parts that meet at the seam; nothing else differs from reading it afresh."""
    session_of(book, tiny)
    grown(book, "And q")
    grown_once = session_of(book, tiny)
    grown(book, "z, then more.\n")  # the tiny tokenizer has a token for qz
    session = session_of(book, tiny)
    fresh = session_of(book, tiny, cache=False)
    assert (session.so_far.tokens_reused, session.tokens_read) == (grown_once.tokens_read, fresh.tokens_read + 1)
    assert session.retriever is not None
    assert fresh.retriever is not None
    assert list(session.retriever.index) == list(fresh.retriever.index)


def test_a_text_that_changed_before_its_end_is_read_anew(tiny: str, book: Path) -> None:
    ask_about(book, tiny)
    book.write_text("X" + book.read_text()[1:] + "More.\n")
    assert ask_about(book, tiny).reused == 0


def test_a_broken_disk_costs_the_state_and_not_the_answer(
    tiny: str, book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(tensors: object, path: Path, **_: object) -> None:
        Path(path).write_bytes(b"half a file")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(state_files, "save_file", full)
    run = ask_about(book, tiny)
    assert run.text
    assert [warning for warning in run.warnings if "No space left on device" in warning]
    assert list(states_folder().iterdir()) == []


def test_a_protected_folder_costs_the_state_and_not_the_answer(
    tiny: str, book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def protected(path: Path, *_: object, **__: object) -> None:
        raise PermissionError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr(Path, "mkdir", protected)
    run = ask_about(book, tiny)
    assert run.text
    assert any("Read-only file system" in warning and "not kept" in warning for warning in run.warnings)


def test_a_state_that_cannot_be_written_is_one_line(
    tiny: str, book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(state_files, "save_file", full)
    with pytest.raises(StateError, match=r"cannot be written \(no space left on its disk\)"):
        read_to(tmp_path / "a.freqkv", book, tiny, cache=False)


def test_nothing_to_keep_is_refused(tiny: str, book: Path) -> None:
    from freqkv_cli.states.read import read

    with pytest.raises(UsageError, match="nothing would be kept"):
        list(read(open_documents([str(book)]), Settings(model=tiny, cache=False), None))


def test_a_second_reader_at_the_same_time_ends_well(tiny: str, book: Path) -> None:
    """Both read in turns, chunk by chunk, in one process; the lock cannot tell."""
    settings = Settings(model=tiny, chunk=64)
    first = open_reading(open_documents([str(book)]), settings)
    early = [next(first) for _ in range(8)]
    assert any(event for event in early if not isinstance(event, Note))
    second: list[Event] = []
    session = collect(open_reading(open_documents([str(book)]), settings), second)
    assert any(isinstance(event, Note) and "another freqkv" in event.message for event in second)
    assert list(states_folder().glob("*.freqkv")) == []
    other = result_of(first)
    assert session.tokens_read == other.tokens_read
    assert all(one.keys.equal(two.keys) for one, two in zip(session.cache.layers, other.cache.layers, strict=True))
    assert [path.suffix for path in states_folder().iterdir()] == [".freqkv"]


def collect(events: Generator[Event, None, Session], seen: list[Event]) -> Session:
    while True:
        try:
            seen.append(next(events))
        except StopIteration as end:
            session: Session = end.value
            return session


def test_notes_of_a_watcher_are_kept(tiny: str, book: Path) -> None:
    def reading(extra: dict[str, Any] | None) -> Session:
        watch = NoteTaker if extra else None
        return result_of(open_reading(open_documents([str(book)]), Settings(model=tiny), extra=extra, watch=watch))

    first = reading({"effort": "medium"})
    assert len(first.notes) > 3
    assert first.notes[-1] == {"text": "the end"}
    again = reading({"effort": "medium"})
    assert again.so_far.tokens_reused == again.tokens_read
    assert again.notes == first.notes
    assert reading({"effort": "high"}).so_far.tokens_reused == 0
    assert reading(None).so_far.tokens_reused > 0  # who needs no notes takes a state that has some


def test_the_shelf_gives_up_what_was_not_used_for_longest(tiny: str, book: Path, tmp_path: Path) -> None:
    texts = []
    for number in range(3):
        texts.append(tmp_path / f"{number}.txt")
        texts[-1].write_text(f"Text {number}. " * 200)
        ask_about(texts[-1], tiny)
        path = find_kept(str(texts[-1]))[0].path
        os.utime(path, (time.time() - 100 + number, time.time() - 100 + number))
    ask_about(texts[0], tiny)
    assert [kept.manifest.documents[0].name for kept in list_kept() if kept.manifest] == [
        str(texts[number]) for number in (0, 2, 1)
    ]
    size = list_kept()[0].bytes
    removed = prune(2 * size + size // 2)
    assert [kept.manifest.documents[0].name for kept in removed if kept.manifest] == [str(texts[1])]
    assert ask_about(texts[2], tiny).reused > 0
    run = ask_about(book, tiny, states_limit=0)
    assert any("--states-limit 0 MB" in warning for warning in run.warnings)
    assert list_kept() == []


def test_kept_states_are_found_by_name_or_id(tiny: str, book: Path) -> None:
    ask_about(book, tiny)
    kept = find_kept(str(book))
    assert kept == find_kept(kept[0].path.name[:8])
    with pytest.raises(UsageError, match="nothing is kept under xyz"):
        find_kept("xyz")


def test_drafts_of_a_killed_process_are_removed(tiny: str, book: Path) -> None:
    path = session_path(tiny, book)
    path.unlink()
    draft = path.with_name(f".{path.name}.abc.draft")
    draft.mkdir()
    (draft / "half").write_bytes(b"half")
    ask_about(book, tiny)
    assert not draft.exists()


def session_path(tiny: str, book: Path) -> Path:
    ask_about(book, tiny)
    return list_kept()[0].path


def test_a_lock_is_for_one(tiny: str) -> None:
    place = shelf.Place("a", "b")
    with claimed(place) as first, claimed(place) as second:
        assert (first, second) == (True, False)
    with claimed(place) as third:
        assert third


def test_stdin_is_kept_by_its_content(tiny: str, book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from freqkv_cli.answering.ask import ask
    from freqkv_cli.documents import source as sources

    for expected in (False, True):
        with book.open("rb") as stream:
            monkeypatch.setattr(sources, "standard_input", lambda stream=stream: stream)
            run = followed(ask(open_documents(["-"]), "Which line?", Settings(model=tiny, max_tokens=3, recall=0)))
        assert run.report["cache"]["hit"] is expected


def test_reading_starts_only_when_the_state_is_bad_for_good(tiny: str, book: Path, tmp_path: Path) -> None:
    """A state file named by the user is never replaced by a reading: its text is not there."""
    read_to(tmp_path / "a.freqkv", book, tiny)
    book.unlink()
    assert ask_about(tmp_path / "a.freqkv", tiny).reused > 0
    data = (tmp_path / "a.freqkv").read_bytes()
    (tmp_path / "a.freqkv").write_bytes(data[:-1])
    with pytest.raises(StateError):
        ask_about(tmp_path / "a.freqkv", tiny)
    assert reader.state_among([]) is None
