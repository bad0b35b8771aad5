"""The benchmark with tiny random models: who takes turns, what is measured, what an interrupt leaves."""

import json
import os
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import torch

from freqkv_cli.benchmarks.backends import Backend, PolicyBackend
from freqkv_cli.benchmarks.bench import bench
from freqkv_cli.benchmarks.options import BenchOptions
from freqkv_cli.benchmarks.runs import reach
from freqkv_cli.benchmarks.transformers_loop import TransformersLoop
from freqkv_cli.config import Settings
from freqkv_cli.documents.document import Document, open_document
from freqkv_cli.errors import UsageError
from freqkv_cli.events import Done, Event, Note, Progress, Text
from freqkv_cli.measurement.environment import environment
from freqkv_cli.measurement.peak import forget_peak, peak_bytes
from freqkv_cli.measurement.policy_specs import open_specs
from freqkv_cli.measurement.subject import Subject, build_subject
from freqkv_cli.measurement.synthetic_text import random_ids, synthetic_ids
from tests.tiny_folder import save_tiny_model

DEPTHS = (40, 100, 640)
SLOTS = 128


def run(settings: Settings, choice: BenchOptions, documents: Sequence[Document] = ()) -> list[Event]:
    return list(bench(documents, settings, choice))


def report_of(events: list[Event]) -> dict[str, Any]:
    (done,) = (event for event in events if isinstance(event, Done))
    json.dumps(done.report)
    return done.report


@pytest.fixture(scope="module")
def compared() -> list[Event]:
    """A benchmark of everything that needs no other program: three policies, and transformers."""
    choice = BenchOptions(DEPTHS, against=("transformers",), repetitions=2, written=5, shape="tiny")
    return run(Settings(cache_size=SLOTS, chunk=64, seed=1, dtype="float32"), choice)


def test_everything_is_measured_at_every_depth(compared: list[Event]) -> None:
    report = report_of(compared)
    assert list(report["readers"]) == ["freqkv", "window", "full", "transformers"]
    for reader in report["readers"].values():
        assert list(reader["depths"]) == ["40", "100", "640"]
        for figures in reader["depths"].values():
            for name in ("prefill_tokens_per_second", "decode_tokens_per_second", "first_token_s"):
                assert figures[name]["runs"] == 2
                assert 0 < figures[name]["min"] <= figures[name]["median"] <= figures[name]["max"]
            assert figures["reading_peak_rss_bytes"] > 0
            assert figures["writing_peak_rss_bytes"] > 0
    assert report["finish_reason"] == "stop"
    assert report["tokens_read"] == 4 * 2 * 640
    assert (report["model"]["weights_bytes"], report["source"]["seed"]) == (427264, 1)


def test_the_cache_of_freqkv_stays_and_those_that_keep_everything_grow(compared: list[Event]) -> None:
    readers = report_of(compared)["readers"]
    slot = 2 * 2 * 2 * 16 * 4  # keys and values, layers, heads, channels, bytes
    for name in ("freqkv", "window"):
        assert {at["cache_bytes"] for at in readers[name]["depths"].values()} == {SLOTS * slot}
    assert [readers["transformers"]["depths"][depth]["cache_bytes"] for depth in ("40", "100", "640")] == [
        40 * slot,
        100 * slot,
        640 * slot,
    ]
    assert [readers["full"]["depths"][depth]["slots"] for depth in ("40", "100", "640")] == [40, 100, 640]


def test_ratios_are_those_of_the_medians(compared: list[Event]) -> None:
    report = report_of(compared)
    ours, theirs = (report["readers"][name]["depths"]["640"] for name in ("freqkv", "transformers"))
    speeds = [one["decode_tokens_per_second"]["median"] for one in (ours, theirs)]
    assert report["against"]["transformers"]["decode_640"] == pytest.approx(speeds[0] / speeds[1], abs=1e-3)
    assert len(report["against"]["transformers"]) == 3 * 3


def test_progress_counts_all_readers_and_all_turns(compared: list[Event]) -> None:
    reading = [event for event in compared if isinstance(event, Progress) and event.phase == "reading"]
    assert reading[-1].tokens_done == reading[-1].tokens_total == 4 * 2 * 640
    assert reading[-1].eta_seconds == 0
    turns = list(dict.fromkeys(event.source for event in reading))
    assert turns[:2] == ["freqkv, turn 1 of 2", "window, turn 1 of 2"]
    assert turns[4] == "freqkv, turn 2 of 2"  # they take turns: A B A B


def test_what_a_reader_cannot_hold_is_skipped_and_said() -> None:
    choice = BenchOptions((40, 2040), policies=("freqkv", "full"), repetitions=1, written=5, shape="tiny")
    events = run(Settings(cache_size=SLOTS, chunk=512, dtype="float32"), choice)
    report = report_of(events)
    assert report["skipped"] == {"full": ["2040"]}
    assert list(report["readers"]["full"]["depths"]) == ["40"]
    assert any(isinstance(event, Note) and "full ends at 2048 tokens" in event.message for event in events)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(model=save_tiny_model(tmp_path / "model"), cache_size=4 * SLOTS, chunk=16, dtype="float32")


@pytest.fixture
def document(tmp_path: Path) -> Iterator[Document]:
    path = tmp_path / "text.txt"
    path.write_text("The fox sleeps. " * 10, encoding="utf-8")
    with open_document(str(path)) as opened:
        yield opened


def test_documents_are_read_with_a_real_tokenizer(settings: Settings, document: Document) -> None:
    choice = BenchOptions((40, 160), policies=("freqkv",), against=("transformers",), repetitions=1, written=3)
    report = report_of(run(settings, choice, [document]))
    assert report["source"] == {"text": ["text.txt"], "tokens": 160, "seed": None}
    assert report["model"]["id"] == settings.model
    assert report["readers"]["transformers"]["depths"]["160"]["decode_tokens_per_second"]["median"] > 0


def test_a_text_that_is_too_short_is_refused(settings: Settings, document: Document) -> None:
    with pytest.raises(UsageError, match=r"160 tokens, fewer than the deepest of --depths \(161\)"):
        run(settings, BenchOptions((161,)), [document])


def test_random_weights_take_no_file(document: Document) -> None:
    with pytest.raises(UsageError, match="give it no file"):
        run(Settings(cache_size=SLOTS), BenchOptions((40,), shape="tiny"), [document])


def test_llama_cpp_needs_a_gguf(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("freqkv_cli.benchmarks.bench.require_rivals", lambda options: None)
    with pytest.raises(UsageError, match="needs the model as a GGUF file"):
        run(settings, BenchOptions((40,), against=("llama.cpp",)))


def test_an_interrupt_leaves_what_there_is() -> None:
    choice = BenchOptions((40, 100), policies=("freqkv", "window"), repetitions=3, written=3, shape="tiny")
    events = cast("Generator[Event]", bench([], Settings(cache_size=SLOTS, chunk=16, dtype="float32"), choice))
    for event in events:
        if isinstance(event, Progress) and event.source == "window, turn 2 of 3" and event.tokens_done > 350:
            break
    text = events.throw(KeyboardInterrupt())
    report = report_of([next(events)])
    assert isinstance(text, Text)
    assert "interrupted" in text.delta
    assert report["finish_reason"] == "interrupted"
    depths = {name: reader["depths"] for name, reader in report["readers"].items()}
    runs = {name: [at["decode_tokens_per_second"]["runs"] for at in depths[name].values()] for name in depths}
    assert runs == {"freqkv": [2, 2], "window": [2, 1]}


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"depths": ()}, "--depths must rise"),
        ({"depths": (10,)}, "32 or more"),
        ({"policies": ("none",)}, "--policies: there is no none"),
        ({"against": ("vllm",)}, "choose from: llama.cpp"),
        ({"against": ("transformers",), "policies": ("window",)}, "compares with the policy freqkv"),
        ({"against": ("llama.cpp",), "shape": "tiny"}, "random weights have none"),
    ],
)
def test_choices_that_cannot_be(wrong: dict[str, Any], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        BenchOptions(**wrong)


def tiny_subject() -> Subject:
    """A model with a window of 512 tokens, which reads 16 at a time."""
    settings = Settings(cache_size=SLOTS, chunk=16, device="cpu", dtype="float32", quant="none")
    return replace(build_subject(settings, "tiny"), window=512)


def readers() -> list[Backend]:
    subject = tiny_subject()
    specs = open_specs(("freqkv", "full"), subject, Settings())
    return [*(PolicyBackend(subject, spec) for spec in specs), TransformersLoop(subject)]


@pytest.mark.parametrize("reader", readers(), ids=lambda reader: f"{type(reader).__name__} {reader.name}")
def test_writing_leaves_a_reader_as_it_was(reader: Backend) -> None:
    reader.clear()
    assert sum(size for size, _ in reader.read(range(100))) == 100
    before = reader.slots()
    writing = reader.write(range(20), 7)
    assert (writing.tokens, reader.slots()) == (7, before)
    assert sum(size for size, _ in reader.read(range(30))) == 30
    reader.clear()
    assert reader.slots() == 0


def test_the_loops_that_keep_everything_compute_the_same() -> None:
    """The full policy and transformers' own cache: different code, one result."""
    ours, theirs = (reader for reader in readers() if reader.limit is not None)
    for reader in (ours, theirs):
        reader.clear()
        for _ in reader.read(range(90)):
            pass
    ours_keys = ours._cache.layers[1].keys  # type: ignore[attr-defined]
    theirs_keys = theirs._cache.layers[1].keys  # type: ignore[attr-defined]
    assert torch.allclose(ours_keys, theirs_keys, atol=1e-5)


def test_depths_within_a_limit_leave_room_for_the_answer() -> None:
    reader = TransformersLoop(tiny_subject())
    assert reach(reader, (100, 470, 512), count=10) == [100, 470]
    assert reach(reader, (100, 470, 512), count=11) == [100]


def test_made_up_text_is_the_same_for_the_same_seed(settings: Settings) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(settings.model)
    first, again, other = (synthetic_ids(tokenizer, 3000, seed) for seed in (1, 1, 2))
    assert len(first) == 3000
    assert first == again != other
    assert random_ids(9, 100, 1) == random_ids(9, 100, 1) != random_ids(9, 100, 2)
    assert set(random_ids(9, 1000, 1)) == set(range(9))


def test_the_environment_names_what_figures_depend_on() -> None:
    found = environment("cpu")
    assert found["torch"] == torch.__version__
    assert found["threads"] == torch.get_num_threads()
    assert found["device"] == "cpu"
    assert found["commit"] is None or len(found["commit"].rstrip("+")) == 12


def _can_forget_peaks() -> bool:
    """Say whether this kernel lets a process reset its high-water mark: some sandboxes take it and do nothing."""
    marks = {}
    try:
        Path("/proc/self/clear_refs").write_text("5")
        for line in Path("/proc/self/status").read_text().splitlines():
            name, _, value = line.partition(":")
            if name in ("VmHWM", "VmRSS"):
                marks[name] = int(value.split()[0])
    except OSError:
        return False
    return marks["VmHWM"] - marks["VmRSS"] < 16 * 1024  # KiB


def test_a_peak_is_of_its_phase() -> None:
    if not _can_forget_peaks():
        pytest.skip("the system lets no process forget its peak")
    block = torch.ones(64 * 2**20)  # 256 MiB
    high = peak_bytes(os.getpid())["rss_bytes"]
    del block
    forget_peak(os.getpid())
    low = peak_bytes(os.getpid())["rss_bytes"]
    assert high - low > 200 * 2**20


def test_a_peak_that_cannot_be_forgotten_goes_on_counting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A process of a folder without `clear_refs`, as where the system refuses, is no error."""
    process = tmp_path / "7"
    process.mkdir()
    (process / "status").write_text("VmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\n")
    (process / "clear_refs").mkdir()  # cannot be written
    monkeypatch.setattr("freqkv_cli.measurement.peak.PROCESSES", tmp_path)
    monkeypatch.setattr("sys.platform", "linux")
    forget_peak(7)
    assert peak_bytes(7) == {"rss_bytes": 2048 * 1024}
