"""freqkv train: what is asked for reaches the training, and what cannot be is one line."""

from collections.abc import Callable, Iterator
from importlib import util
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from freqkv_cli.errors import UsageError
from freqkv_cli.events import Done, Event, Progress, Text
from freqkv_cli.training import lora
from freqkv_cli.training import train as train_module
from freqkv_cli.training.recipe import Recipe

Run = Callable[..., Result]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Plays the training; holds what it was called with."""
    called: dict[str, Any] = {}

    def play(settings: Any, job: Any) -> Iterator[Event]:
        called.update(settings=settings, job=job)
        yield Progress("training", source="a", detail="step 1/2  loss 3.210", tokens_done=2048, tokens_total=4096)
        yield Text("a: 2 steps\n")
        timing = {"train_s": 21.0, "train_tokens_per_second": 195.0}
        yield Done({"command": "train", "finish_reason": "stop", "tokens_trained": 4096, "timing": timing})

    monkeypatch.setattr(train_module, "train", play)
    return called


def test_what_is_asked_for_reaches_the_training(freqkv: Run, asked: dict[str, Any]) -> None:
    options = "--steps 7 --length 4K --batch 4 --objective distill --retrieval 0.1 --rank 8"
    more = "--lr 1e-3 --warmup 5 --decay 0.1 --checkpoint-chunks --validation v.txt --resume --seed 3"
    rest = "--validation-sequences 2 --validate-every 11 --save-every 13 --policy window --cache-size 1k"
    result = freqkv("train", "books", "more.txt", "-o", "a", *options.split(), *more.split(), *rest.split())
    assert result.exception is None
    assert result.stdout == "a: 2 steps\n"
    job = asked["job"]
    assert (job.texts, job.target, job.resume) == (["books", "more.txt"], Path("a"), True)
    assert job.validation == "v.txt"
    assert job.recipe == Recipe(
        objective="distill",
        length=4096,
        retrieval=0.1,
        batch=4,
        steps=7,
        rate=1e-3,
        warmup=5,
        decay=0.1,
        rank=8,
        checkpoint_chunks=True,
        validation_sequences=2,
        validate_every=11,
        save_every=13,
    )
    settings = asked["settings"]
    assert (settings.policy, settings.cache_size, settings.seed) == ("window", 1000, 3)


def test_progress_and_the_last_line_are_about_training(freqkv: Run, asked: dict[str, Any]) -> None:
    told = freqkv("train", "books", "-o", "a").stderr
    assert "training a: 50%, step 1/2 loss 3.210, 2,048 of ~4,096 tokens" in told
    assert "trained on 4,096 tokens · 21 s · 195 tok/s" in told
    assert "dropped" not in told


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "a"], "no texts"),
        (["books"], "no folder for the adapter"),
        (["books", "-o", "a", "--cache-size", "3"], "--cache-size must be at least 6"),
    ],
)
def test_what_cannot_be_is_a_usage_error(
    freqkv: Run, asked: dict[str, Any], arguments: list[str], message: str
) -> None:
    result = freqkv("train", *arguments)
    assert isinstance(result.exception, UsageError)
    assert message in result.exception.message
    assert asked == {}


@pytest.mark.parametrize(
    ("option", "value", "problem"),
    [
        ("--length", "long", "must be a whole number"),
        ("--length", "1", "2 tokens or more"),
        ("--steps", "0", "greater than or equal to 1"),
        ("--lr", "2", "less than or equal to 1"),
        ("--retrieval", "1.5", "less than or equal to 1"),
        ("--objective", "copy", "'next-token', 'distill'"),
    ],
)
def test_numbers_that_cannot_be_are_refused(
    freqkv: Run, asked: dict[str, Any], option: str, value: str, problem: str
) -> None:
    assert problem in str(freqkv("train", "books", "-o", "a", option, value).exception)
    assert asked == {}


def test_without_peft_one_line_says_how_to_get_it(
    freqkv: Run, asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    find = util.find_spec
    monkeypatch.setattr(lora, "find_spec", lambda name: None if name == "peft" else find(name))
    result = freqkv("train", "books", "-o", "a")
    assert isinstance(result.exception, UsageError)
    assert 'pip install "freqkv[train]"' in result.exception.message
