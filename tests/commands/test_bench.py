"""freqkv bench: what is asked for reaches the measuring, in which form it comes back."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from freqkv_cli.benchmarks import bench as bench_module
from freqkv_cli.commands.bench import read_depths
from freqkv_cli.errors import UsageError
from freqkv_cli.events import Done, Event, Text
from tests.commands.processes import environment

Run = Callable[..., Result]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Plays the measuring; holds what it was called with."""
    called: dict[str, Any] = {}

    def play(documents: Any, settings: Any, options: Any) -> Iterator[Event]:
        called.update(documents=documents, settings=settings, options=options)
        yield Text("a table\n")
        yield Done({"command": "bench", "finish_reason": "stop"})

    monkeypatch.setattr(bench_module, "bench", play)
    return called


def test_what_is_asked_for_reaches_the_measuring(freqkv: Run, asked: dict[str, Any]) -> None:
    options = "--depths 16k,1K --policies freqkv,window --against llama.cpp --against transformers --repetitions 5"
    rest = "--max-tokens 7 --plot a.svg --cache-size 512 --seed 3"
    result = freqkv("bench", *options.split(), *rest.split())
    assert result.exception is None
    assert result.stdout == "a table\n"
    chosen = asked["options"]
    assert (chosen.depths, chosen.policies) == ((1024, 16_000), ("freqkv", "window"))
    assert chosen.against == ("llama.cpp", "transformers")
    assert (chosen.repetitions, chosen.written, chosen.plot) == (5, 7, Path("a.svg"))
    assert (asked["settings"].cache_size, asked["settings"].seed) == (512, 3)
    assert asked["documents"] == []


def test_json_is_the_report(freqkv: Run, asked: dict[str, Any]) -> None:
    assert json.loads(freqkv("bench", "--json").stdout) == {
        "command": "bench",
        "finish_reason": "stop",
        "text": "a table\n",
    }


def test_without_options_three_depths_and_all_policies(freqkv: Run, asked: dict[str, Any]) -> None:
    freqkv("bench")
    chosen = asked["options"]
    assert (chosen.depths, chosen.policies) == ((2000, 6000, 30_000), ("freqkv", "window", "full"))
    assert (chosen.against, chosen.repetitions, chosen.written, chosen.shape) == ((), 3, 32, None)


def test_depths_are_sizes() -> None:
    assert read_depths("30k, 2k,2k") == (2000, 30_000)
    with pytest.raises(UsageError, match="--depths must be a whole number such as 2048, 32k or 32K, not deep"):
        read_depths("2k,deep")


def test_a_wrong_name_is_refused_before_anything_is_measured(freqkv: Run, asked: dict[str, Any]) -> None:
    result = freqkv("bench", "--against", "vllm")
    assert isinstance(result.exception, UsageError)
    assert "there is no vllm" in str(result.exception)
    assert asked == {}


def test_a_process_prints_figures_on_stdout_and_all_else_on_stderr() -> None:
    options = ["--random-weights", "tiny", "--depths", "64", "--cache-size", "128", "--repetitions", "1", "--json"]
    command = [sys.executable, "-m", "freqkv_cli", "bench", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)["readers"]) == {"freqkv", "window", "full"}
    assert "freqkv: reading freqkv, turn 1 of 1" in done.stderr
