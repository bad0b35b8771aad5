"""Memory is estimated before it is needed, and a refusal names both numbers and the knobs."""

from pathlib import Path

import pytest
import torch
from transformers import PretrainedConfig

from freqkv_cli.errors import MemoryLimitError
from freqkv_cli.models import memory
from freqkv_cli.models.memory import (
    MemoryEstimate,
    auto_cache_size,
    available_memory,
    estimate_memory,
    explain_out_of_memory,
    is_out_of_memory,
    loading_bytes,
    require_fit,
    weight_bytes,
)
from tests.tiny_models import HEAD_DIM, WINDOW, tiny_config, tiny_model

LARGE = 1 << 40


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("architecture", ["llama", "phi3", "gemma"])
def test_weights_are_exact(architecture: str, tied: bool) -> None:
    model = tiny_model(architecture, tie_word_embeddings=tied)
    assert weight_bytes(model.config, quant="none", dtype="float32") == model.get_memory_footprint(return_buffers=False)


def test_quantized_weights() -> None:
    model = tiny_model("llama")
    linear = sum(m.weight.numel() for m in model.model.modules() if isinstance(m, torch.nn.Linear))
    rest = sum(p.numel() for p in model.parameters()) - linear
    assert weight_bytes(model.config, quant="8bit", dtype="bfloat16") == 2 * rest + linear
    four = weight_bytes(model.config, quant="4bit", dtype="bfloat16")
    assert 2 * rest + 0.5 * linear < four < 2 * rest + 0.53 * linear


def test_packing_on_a_cpu_holds_the_unpacked_weights_too() -> None:
    config = tiny_config("llama")
    packed = weight_bytes(config, quant="4bit", dtype="bfloat16")
    unpacked = weight_bytes(config, quant="none", dtype="bfloat16")
    assert loading_bytes(config, quant="4bit", dtype="bfloat16", device="cuda:0") == packed
    assert loading_bytes(config, quant="4bit", dtype="bfloat16", device="cpu") == packed + round(2.5 * unpacked)


def test_cache_counts_twice() -> None:
    config = tiny_config("llama", layers=3)
    estimate = _estimate(config, cache_size=100)
    assert estimate.cache == 2 * (2 * 3 * 2 * HEAD_DIM * 100 * 2)
    assert estimate.total == estimate.weights + estimate.cache + estimate.activations


def test_activations_grow_with_chunk_and_cache() -> None:
    config = tiny_config("llama")
    small = _estimate(config, cache_size=128, chunk=32).activations
    assert _estimate(config, cache_size=128, chunk=64).activations > small
    assert _estimate(config, cache_size=256, chunk=32).activations > small


def test_refusal_names_numbers_and_knobs() -> None:
    estimate = MemoryEstimate(weights=10 << 30, cache=2 << 30, activations=1 << 30)
    require_fit(estimate, 13 << 30, device="cuda:0")
    with pytest.raises(MemoryLimitError) as caught:
        require_fit(estimate, (13 << 30) - 1, device="cuda:0")
    message = caught.value.message
    for part in ("13.0 GiB needed", "free", "cuda:0", "--cache-size", "--chunk", "--model", "--quant 4bit"):
        assert part in message
    with pytest.raises(MemoryLimitError) as caught:
        require_fit(estimate, 0, device="cpu")
    assert "--quant" not in caught.value.message  # on a CPU it takes more memory, not less


def test_auto_cache_size_is_the_window() -> None:
    assert _auto(tiny_config("llama"), LARGE) == WINDOW
    assert _auto(tiny_config("llama", max_position_embeddings=1000), LARGE) == 960
    assert _auto(tiny_config("llama", max_position_embeddings=50), LARGE) == 50


def test_auto_cache_size_fits_memory() -> None:
    config = tiny_config("llama", max_position_embeddings=1 << 20)
    available = 6 << 20
    size = _auto(config, available, device="cuda:0")
    assert size % 64 == 0
    assert 64 < size < 8192
    assert _estimate(config, cache_size=size).total <= 0.9 * available
    assert _estimate(config, cache_size=size + 64).total > 0.9 * available
    assert _auto(config, LARGE, device="cpu") == 2048
    assert _auto(config, LARGE, device="cuda:0") == 8192
    assert _auto(config, 0) == 64  # too little for anything: require_fit says so


def test_out_of_memory() -> None:
    error = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB\nmore")
    assert is_out_of_memory(error)
    assert "GPU memory ran out" in explain_out_of_memory(error).message
    assert is_out_of_memory(MemoryError())
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60)
    assert is_out_of_memory(caught.value)
    assert explain_out_of_memory(caught.value).message.startswith("memory ran out")
    assert not is_out_of_memory(RuntimeError("shape mismatch"))


def test_control_groups_bound_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, membership = tmp_path / "groups", tmp_path / "membership"
    for group, limit, used in (("job", "max", 500), ("job/step", "10000", 4000)):
        folder = root / group
        folder.mkdir(parents=True)
        (folder / "memory.max").write_text(f"{limit}\n")
        (folder / "memory.current").write_text(f"{used}\n")
        (folder / "memory.stat").write_text("anon 3000\ninactive_file 1000\n")
    membership.write_text("0::/job/step\n")
    assert memory._control_group_rooms(membership, root) == [7000]
    assert memory._control_group_rooms(tmp_path / "nosuch", root) == []
    monkeypatch.setattr(memory, "_control_group_rooms", lambda: [7000])
    assert available_memory("cpu") == 7000


def test_old_control_groups(tmp_path: Path) -> None:
    folder = tmp_path / "memory" / "job"
    folder.mkdir(parents=True)
    (folder / "memory.limit_in_bytes").write_text("10000\n")
    (folder / "memory.usage_in_bytes").write_text("4000\n")
    (folder / "memory.stat").write_text("total_inactive_file 0\n")
    (tmp_path / "membership").write_text("5:cpu:/job\n4:memory:/job\n")
    assert memory._control_group_rooms(tmp_path / "membership", tmp_path) == [6000]


def _estimate(config: PretrainedConfig, *, cache_size: int, chunk: int = 32) -> MemoryEstimate:
    return estimate_memory(
        config,
        quant="none",
        dtype="bfloat16",
        device="cpu",
        cache_size=cache_size,
        chunk=chunk,
    )


def _auto(config: PretrainedConfig, available: int, device: str = "cpu") -> int:
    return auto_cache_size(
        config,
        quant="none",
        dtype="bfloat16",
        device=device,
        chunk=32,
        available=available,
    )
