"""The GPU script at toy size: every section runs on a CPU, the file is whole, time that is up stops it."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from freqkv_cli.benchmarks import gpu
from freqkv_cli.benchmarks.deadline import Deadline
from freqkv_cli.benchmarks.gpu_limits import bytes_per_written_token, operations_per_read_token
from freqkv_cli.measurement.random_weights import build_random, shape_config


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("gpu")
    gpu.main([str(folder), "--toy"])
    result: dict[str, Any] = json.loads((folder / "gpu.json").read_text())
    return result


def test_every_section_has_a_result(found: dict[str, Any]) -> None:
    assert set(gpu.SECTIONS) <= set(found)
    assert not [name for name in gpu.SECTIONS if "error" in found[name]]
    assert found["model"]["shape"] == "tiny"
    assert found["limits"]["copy_bytes_per_second"] > 0


def test_reading_has_speed_memory_and_shares_at_every_depth(found: dict[str, Any]) -> None:
    for name, depths in (("reading", 4), ("reading_large", 4), ("full", 3)):
        assert found[name]["ended"] == "at the deepest depth"
        assert len(found[name]["depths"]) == depths
        for figures in found[name]["depths"].values():
            assert figures["decode_tokens_per_second"]["median"] > 0
            assert figures["decode_share_of_bandwidth"] > 0
            assert figures["prefill_share_of_arithmetic"] > 0
    assert found["reading"]["memory"]["cache_bytes_constant"]
    assert found["reading_large"]["slots"] == 2 * found["reading"]["slots"]
    assert set(found["compared"]["reading"]) == {
        f"{what}_{depth}" for what in ("prefill", "decode", "first_token") for depth in ("100", "400", "1k")
    }


def test_the_ways_of_the_filter_agree(found: dict[str, Any]) -> None:
    ways = [one for one in found["filter"].values() if isinstance(one, dict)]
    assert len(ways) == 3
    most = 1e-4 if found["model"]["dtype"] == "float32" else 1e-2  # 16 bits, where the machine multiplies those
    assert all(way["relative_error"] < most for way in ways)


def test_attention_names_its_kernels(found: dict[str, Any]) -> None:
    assert len(found["attention"]["ours"]["kernels"]) == 3
    assert found["attention"]["ours"]["operations_per_second"] > 0


def test_time_that_is_up_leaves_a_whole_file(tmp_path: Path) -> None:
    gpu.main([str(tmp_path), "--toy", "--seconds", "0"])
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert all(found[name]["skipped"] == "no time was left" for name in gpu.SECTIONS)


def test_a_section_that_fails_does_not_stop_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> dict[str, Any]:
        raise torch.OutOfMemoryError("CUDA out of memory\nand more")

    monkeypatch.setitem(gpu.SECTIONS, "full", (fail, 10))
    gpu.main([str(tmp_path), "--toy", "--only", "full", "--only", "limits"])
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert found["full"]["error"] == "OutOfMemoryError: CUDA out of memory"
    assert found["limits"]["copy_bytes_per_second"] > 0


def test_an_unknown_shape_ends_with_one_line(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="error: --random-weights: there is no shape huge"):
        gpu.main([str(tmp_path), "--shape", "huge"])


def test_bytes_and_operations_of_a_token() -> None:
    model = build_random(shape_config("tiny"), device="cpu", dtype="float32", quant="none")
    embedding = 256 * 64
    weights = sum(parameter.numel() for parameter in model.parameters()) - embedding
    slot = 2 * 2 * 2 * 16  # keys and values, layers, heads, channels
    assert bytes_per_written_token(model, 10) == 4 * (weights + 10 * slot)
    linear = 64 * 64 + 2 * 64 * 32 + 64 * 64 + 3 * 64 * 128
    assert operations_per_read_token(model, 10) == 2 * (2 * linear + 4 * 64 * 10)


def test_a_deadline_within_another_does_not_outlast_it() -> None:
    assert Deadline.after(0).passed
    assert Deadline.after(0).within(100).passed
    assert 0 < Deadline.after(100).within(1).left <= 1
