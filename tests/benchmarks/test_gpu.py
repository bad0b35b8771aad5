"""The GPU script at toy size: it runs on a CPU, its files are whole, time that is up stops it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from freqkv_cli.benchmarks import gpu
from freqkv_cli.benchmarks.backends import PolicyBackend
from freqkv_cli.benchmarks.gpu_limits import bytes_per_written_token, operations_per_read_token
from freqkv_cli.commands.app import app
from freqkv_cli.measurement.random_weights import build_random, shape_config
from tests.tiny_folder import save_tiny_model

DEPTHS = ("100", "400", "1k", "3k")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gpu")
    gpu.main([str(folder), "--toy", "--quant", "none"])
    return folder


@pytest.fixture(scope="module")
def found(folder: Path) -> Any:
    return json.loads((folder / "gpu.json").read_text())["weights"]["none"]


def test_it_measures_the_defaults_at_every_depth(found: dict[str, Any]) -> None:
    assert found["cache"]["recent_tokens"] == 16
    freqkv = found["readers"]["freqkv"]
    assert freqkv["ended"] == "at the deepest depth"
    assert tuple(freqkv["depths"]) == DEPTHS
    assert len({figures["cache_bytes"] for figures in freqkv["depths"].values()}) == 1
    for figures in freqkv["depths"].values():
        assert figures["decode_tokens_per_second"]["median"] > 0
        assert figures["decode_share_of_bandwidth"] > 0
        assert figures["prefill_share_of_arithmetic"] > 0


def test_transformers_goes_as_far_as_its_window(found: dict[str, Any]) -> None:
    theirs = found["readers"]["transformers"]
    assert tuple(theirs["depths"]) == DEPTHS[:-1]
    assert theirs["ended"] == "where its window ends"
    assert set(found["against"]["transformers"]) == {
        f"{what}_{depth}" for what in ("prefill", "decode", "first_token") for depth in DEPTHS[:-1]
    }


def test_the_table_has_a_row_for_each_reader_and_depth(folder: Path) -> None:
    text = (folder / "gpu.md").read_text()
    cells = [tuple(cell.strip() for cell in line.split("|")[1:3]) for line in text.splitlines() if line.startswith("|")]
    assert [cell for cell in cells if cell[1] in DEPTHS] == [
        *(("freqkv", depth) for depth in DEPTHS),
        *(("transformers", depth) for depth in DEPTHS[:-1]),
    ]


def test_time_that_is_up_leaves_whole_files(tmp_path: Path) -> None:
    gpu.main([str(tmp_path), "--toy", "--quant", "none", "--seconds", "0"])
    found = json.loads((tmp_path / "gpu.json").read_text())["weights"]["none"]
    assert [reader["ended"] for reader in found["readers"].values()] == ["when time was up"] * 2
    assert "freqkv ended when time was up" in (tmp_path / "gpu.md").read_text()


def test_what_was_measured_before_a_failure_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read, pieces = PolicyBackend.read, []

    def fails_later(reader: PolicyBackend, ids: list[int]) -> Any:
        pieces.append(len(ids))
        if len(pieces) == 4:  # after warming up and two depths
            raise torch.OutOfMemoryError("CUDA out of memory\nand more")
        return read(reader, ids)

    monkeypatch.setattr(PolicyBackend, "read", fails_later)
    gpu.main([str(tmp_path), "--toy", "--quant", "none"])
    found = json.loads((tmp_path / "gpu.json").read_text())["weights"]["none"]
    ours, theirs = found["readers"].values()
    assert ours["ended"] == "by OutOfMemoryError: CUDA out of memory"
    assert tuple(ours["depths"]) == DEPTHS[:2]
    assert tuple(theirs["depths"]) == DEPTHS[:3]


def test_weights_that_cannot_be_are_left_out_with_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("freqkv_cli.models.device.find_spec", lambda name: None)
    gpu.main([str(tmp_path), "--toy", "--quant", "4bit"])
    assert "4bit is left out: --quant 4bit needs bitsandbytes" in capsys.readouterr().err
    assert "left out: --quant 4bit needs bitsandbytes" in (tmp_path / "gpu.md").read_text()


def test_a_real_model_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line that is run in a process of its own is run in this one."""

    in_a_process = subprocess.run

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        if command[:3] != [sys.executable, "-m", "freqkv_cli"]:
            return in_a_process(command, **options)
        done = CliRunner().invoke(app, command[3:], prog_name="freqkv")
        return subprocess.CompletedProcess(command, done.exit_code, done.stdout, done.stderr)

    monkeypatch.setattr("subprocess.run", run)
    model, text = save_tiny_model(tmp_path / "model", window=4096), tmp_path / "text.txt"
    text.write_text("The cook was called Ambrose Pell. He was born in Hull.\n" * 5)
    monkeypatch.setattr(gpu, "measure_weights", lambda *_: None)
    gpu.main([str(tmp_path), "--reader", model, "--document", str(text), "--question", "Who?"])
    (answer,) = json.loads((tmp_path / "gpu.json").read_text())["answers"]
    assert answer["question"] == "Who?"
    assert answer["text"] in (tmp_path / "gpu.md").read_bytes().decode()  # which may hold a carriage return
    assert answer["timing"]["answer_s"] > 0


def test_a_device_that_is_not_there_ends_with_one_line(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="error: unknown device tpu"):
        gpu.main([str(tmp_path), "--toy", "--device", "tpu"])


def test_bytes_and_operations_of_a_token() -> None:
    model = build_random(shape_config("tiny"), device="cpu", dtype="float32", quant="none")
    embedding = 256 * 64
    weights = sum(parameter.numel() for parameter in model.parameters()) - embedding
    slot = 2 * 2 * 2 * 16  # keys and values, layers, heads, channels
    assert bytes_per_written_token(model, 10) == 4 * (weights + 10 * slot)
    linear = 64 * 64 + 2 * 64 * 32 + 64 * 64 + 3 * 64 * 128
    assert operations_per_read_token(model, 10) == 2 * (2 * linear + 4 * 64 * 10)
