"""A whole run on a tiny model: what it leaves, how it goes on, and what it refuses."""

import json
import os
import random
import shutil
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from freqkv_cli.config import Settings
from freqkv_cli.errors import FreqkvError, StateError, UsageError
from freqkv_cli.events import Done, Event, Note, Progress
from freqkv_cli.models.adapter import MANIFEST, WEIGHTS, find_adapter, read_importance
from freqkv_cli.models.loading import load_model
from freqkv_cli.models.source import resolve_model
from freqkv_cli.training.checkpoint import NAME
from freqkv_cli.training.job import Job
from freqkv_cli.training.recipe import Recipe
from freqkv_cli.training.train import train
from freqkv_cli.training.trainer import Trainer, shielded
from tests.tiny_folder import save_tiny_model

RECIPE = {"length": 64, "rate": 1e-2, "warmup": 1, "rank": 4, "validate_every": 3, "validation_sequences": 2}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_tiny_model(tmp_path_factory.mktemp("tiny"), layers=1)


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    source = random.Random(0)
    path = tmp_path_factory.mktemp("texts") / "text.txt"
    names = ("Anna", "Bert", "Carl", "Dora")
    path.write_text(
        "".join(f"{source.choice(names)} went to {source.choice(names)}.\n" for _ in range(300)), encoding="utf-8"
    )
    return str(path)


def job(tiny: str, text: str, target: Path, *, cache_size: int = 24, **more: Any) -> tuple[Settings, Job]:
    asked = {name: more.pop(name) for name in ("resume", "validation") if name in more}
    recipe = Recipe(**{**RECIPE, "steps": 6, "save_every": 2, **more})
    settings = Settings(model=tiny, policy="freqkv", cache_size=cache_size, seed=5, device="cpu")
    return settings, Job([text], target, recipe, **asked)


def finish(events: Iterator[Event]) -> tuple[dict[str, Any], list[str]]:
    """The report and the notes of a run."""
    told = list(events)
    return next(event.report for event in told if isinstance(event, Done)), [
        event.message for event in told if isinstance(event, Note)
    ]


def stop_after(events: Iterator[Event], step: int) -> tuple[dict[str, Any], list[str]]:
    """The same of a run that is interrupted after a step."""
    for event in events:
        if isinstance(event, Progress) and event.detail.startswith(f"step {step}/"):
            return finish(iter([events.throw(KeyboardInterrupt()), *events]))  # type: ignore[attr-defined]
    raise AssertionError("the run ended before")


def plain(value: Any) -> Any:
    """Tensors as lists, in dictionaries too: what can be compared."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return value.tolist() if isinstance(value, torch.Tensor) else value


def files(folder: Path) -> dict[str, Any]:
    said = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    said["training"].pop("seconds")
    return {
        "weights": (folder / WEIGHTS).read_bytes(),
        "curve": (folder / "curve.jsonl").read_text(encoding="utf-8"),
        "checkpoint": {**plain(torch.load(folder / NAME)), "position": None},  # which has the seconds
        "manifest": said,
    }


@pytest.fixture(scope="module")
def whole(tiny: str, text: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of six steps that nothing interrupted. No test may change it."""
    target = tmp_path_factory.mktemp("runs") / "whole"
    report, _ = finish(train(*job(tiny, text, target)))
    assert report["finish_reason"] == "stop"
    return target


@pytest.mark.parametrize("recipe", [{}, {"objective": "distill", "retrieval": 0.5, "batch": 2}])
def test_resumed_run_equals_an_uninterrupted_one(
    tiny: str, text: str, whole: Path, tmp_path: Path, recipe: dict[str, Any]
) -> None:
    stopped = tmp_path / "stopped"
    if recipe:
        whole = tmp_path / "whole"
        finish(train(*job(tiny, text, whole, **recipe)))
    report, notes = stop_after(train(*job(tiny, text, stopped, **recipe)), 3)
    assert report["finish_reason"] == "interrupted"
    assert report["steps"] == 3
    assert any("--resume to go on" in note for note in notes)
    _, notes = finish(train(*job(tiny, text, stopped, resume=True, **recipe)))
    assert "going on from step 3 of 6" in notes
    assert files(stopped) == files(whole)


def test_run_leaves_an_adapter_that_loads_and_says_what_it_is(tiny: str, text: str, tmp_path: Path) -> None:
    report, _ = finish(train(*job(tiny, text, tmp_path / "a", steps=12)))
    assert report["validation"]["after"] < report["validation"]["before"] - 0.1
    assert report["tokens_trained"] == 12 * 64
    source = resolve_model(tiny)
    adapter = find_adapter(str(tmp_path / "a"), source, "freqkv")
    assert adapter is not None
    assert adapter.manifest.cache.cache_size == 24
    assert adapter.manifest.training["tokens"] == 12 * 64
    assert adapter.manifest.training["objective"] == "next-token"
    assert adapter.manifest.training["texts"] == ["text.txt"]
    plain, learnt = (load_model(source, device="cpu", quant="none", adapter=one).model for one in (None, adapter))
    changed = {
        name.split(".")[-2]
        for name, weight in learnt.state_dict().items()
        if not torch.equal(weight, plain.state_dict()[name])
    }
    assert changed == {"q_proj", "k_proj", "v_proj", "o_proj"}


def test_landmarks_learn_what_to_keep_once(tiny: str, text: str, tmp_path: Path) -> None:
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"

    def asked(target: Path, **more: Any) -> tuple[Settings, Job]:
        settings, wanted = job(tiny, text, target, importance=10, retrieval=0.5, **more)
        return replace(settings, policy="landmarks"), wanted

    _, notes = finish(train(*asked(whole)))
    assert any("looked at from afar" in note for note in notes)
    importance = read_importance(whole)
    assert importance is not None
    stop_after(train(*asked(stopped)), 3)
    _, notes = finish(train(*asked(stopped, resume=True)))
    assert not any("looked at from afar" in note for note in notes)
    assert files(stopped) == files(whole)
    source = resolve_model(tiny)
    adapter = find_adapter(str(whole), source, "landmarks")
    loaded = load_model(source, device="cpu", quant="none", adapter=adapter)
    assert loaded.importance is not None
    assert torch.equal(loaded.importance, importance)


def test_other_policies_and_none_asked_for_learn_nothing_of_it(tiny: str, text: str, tmp_path: Path) -> None:
    finish(train(*job(tiny, text, tmp_path / "a", steps=1)))
    settings, wanted = job(tiny, text, tmp_path / "b", steps=1, importance=0)
    finish(train(replace(settings, policy="landmarks"), wanted))
    assert read_importance(tmp_path / "a") is read_importance(tmp_path / "b") is None


def test_curve_has_every_step_once(whole: Path) -> None:
    lines = [json.loads(line) for line in (whole / "curve.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["step"] for line in lines if "loss" in line] == [1, 2, 3, 4, 5, 6]
    assert [line["step"] for line in lines if "validation" in line] == [0, 3, 6]
    assert lines[-1]["tokens"] == 6 * 64


def test_kill_between_checkpoints_costs_only_the_steps_since(tiny: str, text: str, whole: Path, tmp_path: Path) -> None:
    killed = tmp_path / "killed"
    events = train(*job(tiny, text, killed))
    next(event for event in events if isinstance(event, Progress) and event.detail.startswith("step 5/"))
    events.close()  # type: ignore[attr-defined]
    _, notes = finish(train(*job(tiny, text, killed, resume=True)))
    assert "going on from step 4 of 6" in notes
    assert files(killed) == files(whole)


def test_interrupt_while_the_weights_change_waits_for_the_step_to_be_whole(
    tiny: str, text: str, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = tmp_path / "stopped"
    move = Trainer.move

    def interrupted(trainer: Trainer, number: int) -> None:
        if number == 3:
            os.kill(os.getpid(), signal.SIGINT)
        move(trainer, number)

    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "move", interrupted)
        report, _ = finish(train(*job(tiny, text, stopped)))
    assert (report["finish_reason"], report["steps"]) == ("interrupted", 4)
    finish(train(*job(tiny, text, stopped, resume=True)))
    assert files(stopped) == files(whole)


def test_validation_file_is_measured_and_not_learnt(tiny: str, text: str, tmp_path: Path) -> None:
    held = tmp_path / "held.txt"
    held.write_text("Zoe has met Yan. " * 20, encoding="utf-8")
    report, notes = finish(train(*job(tiny, text, tmp_path / "a", steps=1, validation=str(held))))
    assert report["training"]["held_out"] == [held.name]
    assert any(f"held out: 128 tokens of {held}" in note for note in notes)


def test_going_on_as_another_run_is_refused(tiny: str, text: str, whole: Path, tmp_path: Path) -> None:
    target = Path(shutil.copytree(whole, tmp_path / "a"))
    with pytest.raises(UsageError, match=r"rate was 0\.01 and is 0\.02"):
        finish(train(*job(tiny, text, target, resume=True, rate=0.02)))
    with pytest.raises(UsageError, match="cache_size was 24 and is 32"):
        finish(train(*job(tiny, text, target, resume=True, cache_size=32)))
    finish(train(*job(tiny, text, target, steps=7, resume=True)))  # longer is no other run


def test_a_run_is_not_overwritten(tiny: str, text: str, whole: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds a run: give --resume"):
        finish(train(*job(tiny, text, whole)))
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "letter.txt").write_text("x", encoding="utf-8")
    with pytest.raises(UsageError, match="is not empty"):
        finish(train(*job(tiny, text, tmp_path / "b")))


def test_damaged_checkpoint_is_refused(tiny: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / NAME).write_bytes(b"nothing")
    with pytest.raises(StateError, match="cannot be used"):
        finish(train(*job(tiny, text, tmp_path / "a", resume=True)))


def test_resume_without_a_checkpoint_starts_anew_and_says_so(tiny: str, text: str, tmp_path: Path) -> None:
    _, notes = finish(train(*job(tiny, text, tmp_path / "a", steps=1, resume=True)))
    assert any("starting anew" in note for note in notes)


@pytest.mark.parametrize(
    ("settings", "recipe", "message"),
    [
        ({}, {"objective": "distill", "length": 4096}, "teacher reads 2,048 tokens"),
        ({"dtype": "float16"}, {}, "too coarse for gradients"),
        ({"cache_size": 4096}, {"length": 200}, "more than the model's window"),
        ({}, {"length": 20_000}, "give more text or a smaller --length"),
    ],
)
def test_what_cannot_be_is_refused(
    tiny: str, text: str, tmp_path: Path, settings: dict[str, Any], recipe: dict[str, Any], message: str
) -> None:
    chosen, asked = job(tiny, text, tmp_path / "a", **recipe)
    given = {"model": tiny, "cache_size": chosen.cache_size, "device": "cpu", **settings}
    with pytest.raises(FreqkvError, match=message):
        finish(train(Settings(**given), asked))


def test_without_slots_asked_for_they_are_a_quarter_of_a_sequence(tiny: str, text: str, tmp_path: Path) -> None:
    settings, asked = job(tiny, text, tmp_path / "a", steps=1, validation_sequences=0)
    report, _ = finish(train(replace(settings, cache_size=None), asked))
    assert report["cache"]["cache_size"] == 16


def test_interrupt_waits_for_what_is_shielded() -> None:
    done = False
    with pytest.raises(KeyboardInterrupt), shielded():  # noqa: PT012
        os.kill(os.getpid(), signal.SIGINT)
        done = True
    assert done
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
