"""freqkv evaluate memory, from a text to the table, with tiny models."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from freqkv_cli.config import Settings
from freqkv_cli.documents.document import open_document
from freqkv_cli.errors import InputError, UsageError
from freqkv_cli.evaluation.facts import Cloze
from freqkv_cli.evaluation.memory import MemoryOptions, evaluate_memory
from freqkv_cli.evaluation.memory_reading import due_questions, likelihoods, rank, read_losses
from freqkv_cli.events import Done, Event, Note, Progress, Text
from freqkv_cli.inference.engine import Engine
from freqkv_cli.kvcache.geometry import Geometry
from tests.evaluation.test_facts import TALE
from tests.kvcache.reading import new_cache, random_ids, read_logits
from tests.tiny_folder import save_tiny_model
from tests.tiny_models import tiny_model

LABELS = ("window", "freqkv", "window@0.75", "full")
SLOTS, TOKENS = 200, 700


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_tiny_model(tmp_path_factory.mktemp("model"), window=600)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("book") / "book.txt"
    path.write_text(TALE)
    return path


def measure(paths: list[Path], model: str, labels: tuple[str, ...] = LABELS, **options: Any) -> Iterator[Event]:
    documents = [open_document(str(path)) for path in paths]
    wanted = MemoryOptions(**{"tokens": TOKENS, "facts": 4, **options})
    yield from evaluate_memory(documents, Settings(model=model, cache_size=SLOTS, seed=3), labels, wanted)


def report_of(events: list[Event]) -> dict[str, Any]:
    (done,) = (event for event in events if isinstance(event, Done))
    json.dumps(done.report, allow_nan=False)
    return done.report


@pytest.fixture(scope="module")
def events(book: Path, model: str, tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    pytest.importorskip("matplotlib")
    return list(measure([book], model, plot=tmp_path_factory.getbasetemp() / "memory.svg"))


def test_every_policy_reads_the_same_tokens_and_is_asked_the_same(events: list[Event]) -> None:
    report = report_of(events)
    rows = {row["policy"]: row for row in report["rows"]}
    assert list(rows) == list(LABELS)
    assert [rows[label]["text"]["all"]["tokens"] for label in LABELS[:3]] == [TOKENS - 1] * 3
    assert [rows[label]["cache_size"] for label in LABELS] == [200, 200, 150, 600]
    asked = [{part: one["asked"] for part, one in rows[label]["facts"].items()} for label in LABELS]
    assert asked[0] == asked[1] == asked[2]
    assert asked[0].items() >= {"1 N": 4, "all": sum(list(asked[0].values())[1:])}.items()
    assert 400 < rows["full"]["text"]["all"]["tokens"] < 600  # a question fits behind it
    assert 0 < asked[3]["all"] < asked[0]["all"]
    assert len({row["text"]["all"]["perplexity"] for row in rows.values()}) == 4
    assert (rows["window"]["text"]["all"]["ratio"], report["reference"]) == (1.0, "window")
    assert report["documents"][0]["sha256"]
    assert report["texts"][0]["facts"][0]["answer"] == " Anna"


def test_the_table_has_the_bytes_of_each_cache(events: list[Event]) -> None:
    rows = {row["policy"]: row["cache_bytes"] for row in report_of(events)["rows"]}
    assert rows["freqkv"] == rows["window"] > rows["window@0.75"] == 0.75 * rows["window"]
    shown = "".join(event.delta for event in events if isinstance(event, Text))
    for label in LABELS:
        assert f"| {label}" in shown
    assert f"{rows['freqkv'] / 2**20:.1f}" in shown
    last = [event for event in events if isinstance(event, Progress) and event.phase == "reading"][-1]
    assert last.tokens_done == last.tokens_total


def test_the_plot_is_drawn(events: list[Event], tmp_path_factory: pytest.TempPathFactory) -> None:
    assert "<svg" in (tmp_path_factory.getbasetemp() / "memory.svg").read_text()


def test_before_the_first_compression_all_policies_agree(book: Path, model: str) -> None:
    rows = report_of(list(measure([book], model, LABELS[:2], tokens=180, facts=0)))["rows"]
    assert rows[0]["text"] == rows[1]["text"]
    assert rows[0]["facts"] == {}


def test_an_interrupt_leaves_what_has_been_measured(book: Path, model: str) -> None:
    running: Any = measure([book, book], model, ("freqkv", "window"), tokens=500)
    for event in running:
        if isinstance(event, Progress) and event.source == "window" and event.tokens_done > 1100:
            break
    report = report_of([running.throw(KeyboardInterrupt()), *running])
    tokens = {(row["document"], row["policy"]): row["text"]["all"]["tokens"] for row in report["rows"]}
    assert report["finish_reason"] == "interrupted"
    assert tokens[str(book), "freqkv"] == 499
    assert 99 < tokens[str(book), "window"] < 499


def test_what_a_text_lacks_is_said(model: str, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("Nothing stands here that could be asked for.")
    events = list(measure([path], model, ("freqkv",), tokens=40))
    warnings = [event.message for event in events if isinstance(event, Note) and event.warning]
    assert warnings == [f"{path}: only 0 facts can be asked for"]
    path.write_text("x")
    with pytest.raises(InputError, match="fewer than two tokens"):
        list(measure([path], model))


def test_ratios_are_to_what_is_named(book: Path, model: str) -> None:
    report = report_of(list(measure([book], model, LABELS[:2], reference="freqkv", tokens=300, facts=0)))
    ratios = {row["policy"]: row["text"]["all"]["ratio"] for row in report["rows"]}
    assert ratios["freqkv"] == 1.0 != ratios["window"]
    with pytest.raises(UsageError, match="window, freqkv are"):
        list(measure([book], model, LABELS[:2], reference="windows"))


def test_questions_wait_for_the_next_place_that_is_far_enough() -> None:
    facts = [Cloze("a", "b", (), 10), Cloze("c", "d", (), 20)]
    due = due_questions(facts, 40, 8)
    assert {place: due[place] for place in sorted(due)[:4]} == {56: [(0, 1)], 64: [(1, 1)], 96: [(0, 2)], 104: [(1, 2)]}
    assert sum(map(len, due.values())) == 10
    assert all(0 <= place - facts[fact].place - 40 * far < 8 for place, asked in due.items() for fact, far in asked)


def test_losses_are_those_of_the_plain_model() -> None:
    model, ids = tiny_model("llama"), random_ids(60)
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0, :-1]
    expected = -logits.log_softmax(-1)[torch.arange(59), torch.tensor(ids[1:])]
    for chunk, step in ((64, 100), (7, 100), (64, 5)):
        chunks = list(read_losses(Engine(model, chunk), new_cache(model, Geometry(60), "full"), ids, step))
        first, *losses = [loss for chunk_losses in chunks for loss in chunk_losses]
        assert first != first
        torch.testing.assert_close(torch.tensor(losses), expected, atol=1e-4, rtol=0)
        assert max(map(len, chunks)) == min(chunk, step, 60)


def test_losses_do_not_depend_on_chunks_across_compressions() -> None:
    model, ids = tiny_model("llama"), random_ids(150)
    whole, cut = (
        [loss for part in read_losses(Engine(model), new_cache(model, Geometry(40)), ids, step) for loss in part]
        for step in (40, 3)
    )
    assert cut[1:] == pytest.approx(whole[1:], abs=1e-4)


def test_likelihoods_are_those_of_the_plain_model() -> None:
    """Against a reading of everything at once, without a cache."""
    model, ids, cue = tiny_model("llama"), random_ids(50), [5, 6, 7]
    cache = new_cache(model, Geometry(200), "full")
    read_logits(model, cache, ids)

    @torch.no_grad()
    def weight(before: list[int], answer: list[int]) -> float:
        rows = model(torch.tensor([[*before, *cue, *answer]])).logits[0].log_softmax(-1)
        return sum(float(rows[len(before) + 2 + place, token]) for place, token in enumerate(answer))

    answers = [[9, 9, 9], [10, 11], [20, 21, 22], [30]]
    asked = [(cue, answers), (cue, answers[::-1])]
    for memory, before in ((cache, ids), (new_cache(model, Geometry(200)), [])):
        expected = [weight(list(before), answer) for answer in answers]
        found = likelihoods(Engine(model, 25), memory, asked)  # two at a time
        assert found == [pytest.approx(expected, abs=1e-4), pytest.approx(expected[::-1], abs=1e-4)]
        assert memory.length == len(before)


def test_what_can_be_guessed_is_not_remembered() -> None:
    assert rank([-1.0, -5.0, -9.0], [-1.0, -7.0, -9.0]) == 2  # the likeliest, but no likelier than without a memory
    assert rank([-6.0, -5.0, -9.0], [-9.0, -7.0, -9.0]) == 0


def test_a_question_that_does_not_fit_compresses_a_fork() -> None:
    model = tiny_model("llama")
    cache = new_cache(model, Geometry(60))
    read_logits(model, cache, random_ids(58))
    assert len(likelihoods(Engine(model), cache, [([5, 6], [[7], [8]]), ([5], [[9], [10]])])) == 2
    assert (cache.length, cache.compressions) == (58, 0)
