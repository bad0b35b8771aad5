"""State files: they answer as a fresh reading does, go only with what they were read with, and are never trusted."""

import json
import random
import resource
from collections.abc import Callable, Generator, Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from freqkv_cli.config import Settings
from freqkv_cli.documents import open_documents
from freqkv_cli.errors import ExitCode, FreqkvError, StateError, UsageError
from freqkv_cli.events import Event, Note
from freqkv_cli.inference.engine import Engine
from freqkv_cli.kvcache.cache import make_cache
from freqkv_cli.kvcache.header import read_head
from freqkv_cli.kvcache.policies import make_policy
from freqkv_cli.reading.plan import Plan, make_plan
from freqkv_cli.reading.session import ReadSoFar, Session
from freqkv_cli.retrieval.passage import Passage
from freqkv_cli.states import opening as reader
from freqkv_cli.states import state_file
from freqkv_cli.states.count import count
from freqkv_cli.states.manifest import Manifest, read_manifest
from freqkv_cli.states.opening import open_reading
from freqkv_cli.states.read import read
from freqkv_cli.states.state_file import save_state
from freqkv_cli.summarizing.summarize import summarize
from tests.models.tiny_gguf import write_tiny_gguf
from tests.reading.readings import ask_about, followed, read_to, result_of, session_of

MUTATIONS = 200


@pytest.fixture
def state(tiny: str, book: Path, tmp_path: Path) -> Path:
    """The state of the book, without a copy on the shelf."""
    read_to(tmp_path / "book.freqkv", book, tiny, cache=False)
    return tmp_path / "book.freqkv"


def test_a_state_answers_as_a_fresh_reading(reader: str, book: Path, tmp_path: Path) -> None:
    state = tmp_path / "book.freqkv"
    book.write_text(book.read_text() * 2)
    read_to(state, book, reader, cache=False, cache_size=3500)
    asked = {"cache": False, "cache_size": 3500, "recall": 1}
    fresh, saved = (ask_about(path, reader, **asked).report for path in (book, state))
    assert fresh["cache"]["compressions"] > 0
    assert fresh["passages"]
    for part in ("text", "answer", "found", "input", "citations", "passages", "tokens_read", "tokens_dropped"):
        assert saved[part] == fresh[part], part
    assert saved["timing"]["read_s"] == 0
    assert (fresh["cache"]["hit"], saved["cache"]["hit"]) == (False, True)
    assert (saved["cache"]["compressions"], saved["warnings"]) == (fresh["cache"]["compressions"], fresh["warnings"])


def test_a_state_answers_as_a_fresh_reading_from_memory_alone(tiny: str, book: Path, state: Path) -> None:
    fresh, saved = (ask_about(path, tiny, cache=False, recall=0, max_tokens=40) for path in (book, state))
    assert len(fresh.text) > 5
    assert saved.text == fresh.text


def test_a_state_of_observed_queries_answers_as_a_fresh_reading(tiny: str, book: Path, tmp_path: Path) -> None:
    read_to(tmp_path / "a.freqkv", book, tiny, cache=False, policy="landmarks")
    assert read_manifest(tmp_path / "a.freqkv").queries > 0
    asked = {"cache": False, "recall": 0, "max_tokens": 40}
    fresh = ask_about(book, tiny, policy="landmarks", **asked)
    saved = ask_about(tmp_path / "a.freqkv", tiny, **asked)
    assert len(fresh.text) > 5
    assert saved.text == fresh.text


def test_a_state_of_before_a_field_was_added_answers_alike(
    tiny: str, book: Path, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def older(manifest: Manifest) -> dict[str, Any]:
        table = asdict(manifest)
        del table["rows_kept"], table["reader"]["adapter_folder"]
        return table

    monkeypatch.setattr(Manifest, "table", older)
    path = tmp_path / "older.freqkv"
    read_to(path, book, tiny, cache=False)
    assert "rows_kept" not in read_head(path)
    older_answer, answer = (ask_about(one, tiny, recall=0, max_tokens=40).text for one in (path, state))
    assert older_answer == answer


def test_a_state_can_be_summarized_and_counted(tiny: str, book: Path, state: Path) -> None:
    settings = Settings(model=tiny, max_tokens=20, cache=False)
    fresh, saved = (followed(summarize(open_documents([str(path)]), settings)).report for path in (book, state))
    assert (saved["text"], saved["citations"]) == (fresh["text"], fresh["citations"])
    assert saved["citations"]
    counted = followed(count(open_documents([str(state)]), settings)).report
    assert (counted["tokens"], counted["estimated"]["read_s"]) == (fresh["tokens_read"], 0)
    assert counted["input"][0]["path"] == str(book)


def test_several_documents_keep_their_names_and_places(tiny: str, book: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text("The cook was called Ambrose Pell.\n")
    documents = [str(book), str(other)]
    settings = Settings(model=tiny, cache=False)
    save_state(result_of(open_reading(open_documents(documents), settings)), tmp_path / "two.freqkv")
    session = session_of(tmp_path / "two.freqkv", tiny)
    assert session.so_far.stream is not None
    assert session.retriever is not None
    assert [document.name for document in session.so_far.stream.documents] == documents
    (hit,) = session.retriever.find(["What was the cook called?"], 1)
    assert (hit.passage.document, hit.passage.place) == (1, "line 1")


def test_the_model_and_the_settings_of_the_state_hold(tiny: str, book: Path, tmp_path: Path) -> None:
    read_to(tmp_path / "a.freqkv", book, tiny, cache=False, cache_size=256, policy="window", recent_tokens=16)
    report = ask_about(tmp_path / "a.freqkv", Settings().model, cache=False).report
    assert (report["cache"]["policy"], report["cache"]["cache_size"], report["cache"]["recent_tokens"]) == (
        "window",
        256,
        16,
    )


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"cache_size": 300}, "--cache-size 512, not 300"),
        ({"policy": "full"}, "--policy landmarks, not full"),
        ({"recent_tokens": 9}, "--recent-tokens 64, not 9"),
        ({"retain_ratio": 0.4}, "--retain-ratio 0.5, not 0.4"),
    ],
)
def test_settings_that_contradict_the_state_are_refused(
    tiny: str, state: Path, settings: dict[str, Any], told: str
) -> None:
    with pytest.raises(StateError, match=told) as refusal:
        ask_about(state, tiny, **settings)
    assert refusal.value.exit_code == ExitCode.STATE == 8


def test_another_model_is_refused(state: Path, tmp_path: Path) -> None:
    other = str(write_tiny_gguf(tmp_path / "other.gguf", seed=1))
    with pytest.raises(StateError, match=r"was read by tiny\.gguf.*give --model"):
        ask_about(state, other)


def test_pages_of_a_state_are_refused(tiny: str, state: Path) -> None:
    with pytest.raises(UsageError, match="leave --pages out"):
        ask_about(state, tiny, pages="1-2")


def test_a_question_cannot_be_pinned_afterwards(tiny: str, state: Path) -> None:
    with pytest.raises(UsageError, match="leave --pin-question out"):
        ask_about(state, tiny, pin_question=True)


@pytest.mark.parametrize("dtype", ["bfloat16", "int8"])
def test_a_copy_of_a_state_can_be_smaller_and_is_the_same_reading(
    dtype: Any, tiny: str, book: Path, state: Path, tmp_path: Path
) -> None:
    read_to(state, book, tiny, cache=False, refresh=True, dtype="float32")  # whatever this machine reads with
    copy = read_to(tmp_path / "copy.freqkv", state, tiny, state_dtype=dtype).report
    assert copy["state"]["bytes"] < state.stat().st_size
    first, second = read_manifest(state).table(), read_manifest(tmp_path / "copy.freqkv").table()
    assert {name for name in first if first[name] != second[name]} == {"stored_dtype", "checksum"}
    assert ask_about(tmp_path / "copy.freqkv", tiny).report["answer"]
    with pytest.raises(UsageError, match="read already"):
        followed(read(open_documents([str(state)]), Settings(model=tiny), None))


def test_a_state_is_read_alone(tiny: str, book: Path, state: Path) -> None:
    with pytest.raises(UsageError, match="alone"):
        list(open_reading(open_documents([str(state), str(book)]), Settings(model=tiny)))


@pytest.mark.parametrize(
    "content", [b"", b"short", b"Just a text, and a long one, that is no state at all.\n", b"\xff" * 99]
)
def test_what_is_no_state_is_refused(tiny: str, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "book.freqkv"
    path.write_bytes(content)
    with pytest.raises(FreqkvError) as refusal:
        ask_about(path, tiny)
    assert refusal.value.exit_code == (ExitCode.STATE if content else ExitCode.NO_TEXT)


def test_another_format_is_refused(tiny: str, state: Path) -> None:
    write_head(state, lambda manifest: manifest.update(format=2, freqkv="9.9"))
    with pytest.raises(StateError, match=r"format 2, of freqkv 9\.9"):
        ask_about(state, tiny)


def test_a_state_of_a_gpu_opens_on_a_cpu(tiny: str, book: Path, tmp_path: Path) -> None:
    session = session_of(book, tiny, cache=False, dtype="float32")
    reader_before = session.so_far.reader
    assert reader_before is not None
    session = replace(session, settings=Settings(model=tiny))
    session.so_far.reader = replace(reader_before, device="cuda:0", quantization="4bit", dtype="float16")
    save_state(session, tmp_path / "gpu.freqkv", dtype="float16")
    opened = session_of(tmp_path / "gpu.freqkv", tiny, dtype="float32")
    keys, exact = opened.cache.layers[0].keys, session.cache.layers[0].keys
    assert (keys.dtype, keys.device.type) == (exact.dtype, "cpu")
    assert 0 < float((keys - exact).norm() / exact.norm()) < 1e-3
    events = list(open_reading(open_documents([str(tmp_path / "gpu.freqkv")]), Settings(model=tiny, dtype="float32")))
    assert any(isinstance(event, Note) and "4bit, float16" in event.message for event in events)


def test_notes_come_back_as_objects(tiny: str, book: Path, tmp_path: Path) -> None:
    session = session_of(book, tiny, cache=False)
    session.so_far.notes = [{"title": "I", "text": "Of lines.", "first_page": None}]
    save_state(session, tmp_path / "a.freqkv")
    assert session_of(tmp_path / "a.freqkv", tiny).notes == session.notes


def test_a_smaller_state_says_so(tiny: str, book: Path, tmp_path: Path) -> None:
    full = read_to(tmp_path / "a.freqkv", book, tiny, cache=False, dtype="float32").report
    small = read_to(tmp_path / "b.freqkv", book, tiny, cache=False, dtype="float32", state_dtype="bfloat16")
    assert small.report["state"]["bytes"] < 0.6 * full["state"]["bytes"]
    assert read_manifest(tmp_path / "b.freqkv").stored_dtype == "bfloat16"
    assert any("at most about" in line for line in small.told)
    assert any("b.freqkv takes" in line for line in small.told)


def test_a_state_is_written_over_a_state_only(tiny: str, book: Path, tmp_path: Path) -> None:
    target = tmp_path / "a.freqkv"
    target.write_text("my notes")
    with pytest.raises(UsageError, match="is not a state"):
        read_to(target, book, tiny)
    assert target.read_text() == "my notes"
    target.unlink()
    first = read_to(target, book, tiny).report["state"]["bytes"]
    assert read_to(target, book, tiny).report["state"]["bytes"] == first
    with pytest.raises(UsageError, match="is a folder"):
        read_to(tmp_path, book, tiny)
    with pytest.raises(UsageError, match="there is no folder"):
        read_to(tmp_path / "none" / "a.freqkv", book, tiny)


def write_head(path: Path, change: Callable[[dict[str, Any]], None], tensors: bool = False) -> None:
    """Change the manifest of a state, or its table of tensors."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    head = json.loads(data[8 : 8 + length])
    if tensors:
        change(head)
    else:
        manifest = json.loads(head["__metadata__"]["freqkv"])
        change(manifest)
        head["__metadata__"]["freqkv"] = json.dumps(manifest, ensure_ascii=False)
    text = json.dumps(head, separators=(",", ":"), ensure_ascii=False).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + length :])


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Return a state with one thing wrong: cut off, bits flipped, bytes put in, or numbers of its head changed."""
    kind = chance.randrange(6)
    length = int.from_bytes(data[:8], "little")
    if kind == 0:
        return data[: chance.randrange(len(data))]
    if kind == 1:  # anywhere
        place = chance.randrange(len(data))
        return data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :]
    if kind == 2:  # in the head
        place = chance.randrange(8 + length)
        return data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :]
    if kind == 3:
        place = chance.randrange(len(data))
        return data[:place] + chance.randbytes(chance.randrange(1, 9)) + data[place:]
    if kind == 4:  # the length of the head
        return chance.choice([0, 1, 2**20, 2**31, 2**40, 2**63, 2**64 - 1]).to_bytes(8, "little") + data[8:]
    numbers = [place for place in range(8, 8 + length) if chr(data[place]).isdigit()]
    place = chance.choice(numbers)
    return data[:place] + str(chance.choice([0, 9, 10**6, 10**12, 2**63, -1])).encode() + data[place + 1 :]


def test_a_state_without_a_checksum_is_refused(tiny: str, state: Path, tmp_path: Path) -> None:
    path = tmp_path / "mutated.freqkv"
    path.write_bytes(state.read_bytes().replace(b"checksum", b"checksux", 1))
    with pytest.raises(StateError, match="checksum"):
        result_of(reader.open_state(path, Settings(model=tiny), 0.0))


def test_mutated_states_are_refused_or_right(
    tiny: str, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = session_of(state, tiny)
    plan = reader_plan(tiny)
    model, geometry, window = session.loaded.model, session.cache.geometry, plan.window

    def fresh(plan: Plan, settings: Settings, started: float) -> Generator[Event, None, Session]:
        yield from ()
        cache = make_cache(model, plan.geometry, make_policy(settings.policy), window=window)
        return replace(session, cache=cache, engine=Engine(model), so_far=ReadSoFar(), warnings=[])

    def planned(settings: Settings, pinned: str = "") -> Generator[Event, None, Plan]:
        yield from ()
        if settings.cache_size is not None and settings.cache_size > window:
            raise UsageError("too many slots")
        return plan

    monkeypatch.setattr(reader, "load_session", fresh)
    monkeypatch.setattr(reader, "make_plan", planned)
    right = result_of(reader.open_state(state, Settings(model=tiny), 0.0))
    data, chance = state.read_bytes(), random.Random(4)
    path = tmp_path / "mutated.freqkv"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused = opened = 0
    for number in range(MUTATIONS):
        path.write_bytes(mutated(data, chance))
        try:
            loaded = result_of(reader.open_state(path, Settings(model=tiny), 0.0))
        except StateError as error:
            refused += "\n" not in error.message
            continue
        opened += 1
        assert loaded.tokens_read == right.tokens_read, number
        assert loaded.cache.geometry == geometry, number
        assert loaded.retriever is not None
        assert right.retriever is not None
        assert list(loaded.retriever.index) == list(right.retriever.index), number
        for one, other in zip(loaded.cache.layers, right.cache.layers, strict=True):
            assert one.keys.equal(other.keys), number
            assert one.values.equal(other.values), number
    assert refused + opened == MUTATIONS
    assert refused > 0.9 * MUTATIONS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024  # kilobytes


def reader_plan(model: str) -> Plan:
    events = make_plan(Settings(model=model))
    while True:
        try:
            next(events)
        except StopIteration as end:
            plan: Plan = end.value
            return plan


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda manifest: manifest["slots"].update(cache_size=10**9), "does not go with|slots"),
        (lambda manifest: manifest["slots"].update(sink_tokens=10**6), "cannot hold|slots"),
        (lambda manifest: manifest.update(slots_used=10**6), "contradict"),
        (lambda manifest: manifest.update(passages=10**9), "checksum|passages"),
        (lambda manifest: manifest["reader"].update(adapter="x"), "adapter x"),
        (lambda manifest: manifest["reader"].update(tokenizer="x"), "another tokenizer"),
        (lambda manifest: manifest["documents"].clear(), "checksum|passages"),
        (lambda manifest: manifest.update(complete=False), "did not end"),
        (lambda manifest: manifest.update(compressions=-1), "compressions"),
        (lambda manifest: manifest.update(rows_kept=manifest["slots_used"]), "more filtered slots"),
        (lambda manifest: manifest["slots"].update(policy="../x"), "policy|checksum"),
    ],
)
def test_manifests_made_by_hand_are_refused(
    tiny: str, state: Path, change: Callable[[dict[str, Any]], None], told: str
) -> None:
    write_head(state, change)
    with pytest.raises(StateError, match=told):
        ask_about(state, tiny)


def test_a_model_that_a_state_names_is_not_fetched(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_head(state, lambda manifest: manifest["reader"].update(name="some/model"))
    monkeypatch.setattr(
        "freqkv_cli.models.hub.fetch_snapshot",
        lambda *_, offline, **__: pytest.fail("the network was asked") if not offline else Path("/nowhere"),
    )
    with pytest.raises((FreqkvError, OSError)):
        ask_about(state, Settings().model)


@pytest.fixture
def older(monkeypatch: pytest.MonkeyPatch) -> None:
    """States are written as they were until there was Location: with the place of a passage beside its text."""

    def to_json(passages: Iterable[Passage], notes: Iterable[Any]) -> str:
        told = [
            {
                "text": passage.text,
                "index": passage.index,
                "document": passage.document,
                "page": passage.location.page,
                "part": passage.location.part,
                "first_line": passage.location.first_line,
                "last_line": passage.location.last_line,
                "heading": passage.location.heading,
            }
            for passage in passages
        ]
        note = {"title": "I", "document": "book.txt", "place": "lines 1-9", "where": "line 3", "text": "Of lines."}
        return json.dumps({"passages": told, "notes": [{**note, "quoted": True, "start": 0.0, "end": 1.0}]})

    monkeypatch.setattr(state_file, "to_json", to_json)


@pytest.mark.usefixtures("older")
def test_a_state_of_before_there_was_location_is_read(tiny: str, book: Path, state: Path, tmp_path: Path) -> None:
    assert b'"first_line": 1, "last_line"' in state.read_bytes()
    assert b'"location"' not in state.read_bytes()
    fresh, old = session_of(book, tiny, cache=False), session_of(state, tiny)
    assert fresh.retriever is not None
    assert old.retriever is not None
    assert list(old.retriever.index) == list(fresh.retriever.index)
    report = followed(summarize(open_documents([str(state)]), Settings(model=tiny))).report
    assert [note["first"] for note in report["notes"]] == [0]  # taken anew, as the old one is of another shape
    assert report["text"]
