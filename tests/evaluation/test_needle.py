"""freqkv evaluate recall, from a text to the table, with tiny models; one of them remembers by construction."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from freqkv_cli.config import Settings
from freqkv_cli.documents.document import open_document
from freqkv_cli.errors import InputError, UsageError
from freqkv_cli.evaluation.needle import NeedleOptions, ask, evaluate_recall, stops
from freqkv_cli.evaluation.needle_items import Item
from freqkv_cli.events import Done, Note, Progress, Text
from freqkv_cli.inference.engine import Engine
from freqkv_cli.kvcache.geometry import Geometry
from tests.kvcache.reading import new_cache, random_ids, read_logits
from tests.tiny_folder import save_tiny_model
from tests.tiny_models import tiny_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_tiny_model(tmp_path_factory.mktemp("model"), window=1000)


def measure(
    documents: list[Any], model: str, wanted: NeedleOptions, **options: Any
) -> tuple[dict[str, Any], str, list[Any]]:
    settings = Settings(model=model, cache_size=240, seed=3)
    events = list(evaluate_recall(documents, settings, ("freqkv", "window@0.75", "morph", "full"), wanted, **options))
    (report,) = [event.report for event in events if isinstance(event, Done)]
    json.dumps(report)
    return report, "".join(event.delta for event in events if isinstance(event, Text)), events


def test_everyone_is_asked_the_same(model: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    book = tmp_path / "book.txt"
    names = ["Ann", "Bob", "Cid", "Dora"]
    book.write_text(
        "\n\n".join(f"On day {n} of the long journey they met a man called {name}." for n, name in enumerate(names))
        + "\n\nAnd then they went home over the hills and far away, as they had come." * 30
    )
    wanted = NeedleOptions(1200, items=3)
    with open_document(str(book)) as document:
        report, shown, events = measure([document], model, wanted, plot=tmp_path / "r.svg")
    questions = {
        policy: [(one["kind"], one["depth"], one["distance"]) for one in report["asked"] if one["policy"] == policy]
        for policy in ("freqkv", "window@0.75", "morph", "full")
    }
    assert questions["freqkv"] == questions["window@0.75"] == questions["morph"]
    assert questions["full"] == [one for one in questions["freqkv"] if one in questions["full"]]
    assert {kind for kind, _, _ in questions["freqkv"]} == {"passkey", "pairs", "cloze"}
    assert {distance for _, _, distance in questions["freqkv"]} == {60, 120, 240, 480}
    for row in report["rows"]:
        assert 0 <= row["exact"]["hits"] <= row["first"]["hits"] <= row["first"]["total"]
    assert all(kind in shown for kind in ("passkey", "pairs", "cloze"))
    assert "<svg" in (tmp_path / "r.svg").read_text()
    last = [event for event in events if isinstance(event, Progress) and event.phase == "reading"][-1]
    assert last.tokens_done == last.tokens_total


def test_made_up_text_holds_made_up_facts(model: str) -> None:
    report, shown, _ = measure([], model, NeedleOptions(700, kinds=("passkey",)))
    assert {one["kind"] for one in report["asked"]} == {"passkey"}
    assert f"{report['tokens']:,} tokens" in shown


def test_what_the_text_has_nothing_for_is_said(model: str, tmp_path: Path) -> None:
    book = tmp_path / "book.txt"
    book.write_text("and then they went home over the hills and far away. " * 30)
    with open_document(str(book)) as document:
        _, _, events = measure([document], model, NeedleOptions(700, items=2))
    warnings = [event.message for event in events if isinstance(event, Note) and event.warning]
    assert warnings == ["the text has nothing for: cloze"]
    book.write_text("x")
    with open_document(str(book)) as document, pytest.raises(InputError, match="too short to hold a fact"):
        measure([document], model, NeedleOptions(700, kinds=("cloze",)))


def test_what_cannot_be_asked_for() -> None:
    with pytest.raises(UsageError, match="there is no riddles"):
        NeedleOptions(100, kinds=("riddles",))
    with pytest.raises(UsageError, match="names nothing"):
        NeedleOptions(100, kinds=())


def test_stops() -> None:
    items = [Item("pairs", "a", "b", (), 10), Item("pairs", "c", "d", (), 20)]
    assert [(stop, [item.cue for item in due]) for stop, due in stops(items, 40, 70)] == [
        (20, ["a"]),
        (30, ["a", "c"]),
        (40, ["c"]),
        (50, ["a"]),
        (60, ["c"]),
        (70, []),
    ]


def test_rank_and_exactness_are_those_of_the_plain_model() -> None:
    """Against a reading of everything at once, without a cache."""

    class Numbers:
        def __call__(self, text: str, **_: object) -> dict[str, list[int]]:
            return {"input_ids": [int(word) for word in text.split()]}

    model, ids = tiny_model("llama"), random_ids(50)
    cache = new_cache(model, Geometry(200), "full")
    read_logits(model, cache, ids)
    cue = [5, 6, 7]
    greedy: list[int] = []
    for _ in range(3):
        rows = read_logits(model, new_cache(model, Geometry(200), "full"), [*ids, *cue, *greedy])
        greedy.append(int(rows[-1].argmax()))

    @torch.no_grad()
    def weight(answer: list[int]) -> float:
        rows = read_logits(model, new_cache(model, Geometry(200), "full"), [*ids, *cue, *answer]).log_softmax(-1)
        return sum(float(rows[52 + place, token]) for place, token in enumerate(answer))

    wrong = [[9, 9, 9], [10, 11, 12], [20, 21, 22]]
    item = Item("pairs", "5 6 7", " ".join(map(str, greedy)), tuple(" ".join(map(str, one)) for one in wrong), 0)
    assert ask(Engine(model), cache, Numbers(), item) == (0, True)
    ordered = sorted([*wrong, greedy], key=weight, reverse=True)
    for rank, answer in enumerate(ordered):
        others = tuple(" ".join(map(str, one)) for one in ordered if one != answer)
        found = ask(Engine(model), cache, Numbers(), Item("pairs", "5 6 7", " ".join(map(str, answer)), others, 0))
        assert found == (rank, answer == greedy)
    assert cache.length == 50
