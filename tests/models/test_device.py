"""What `auto` means, and what a machine cannot do."""

from importlib import util

import pytest
import torch

from freqkv_cli.errors import ModelError
from freqkv_cli.models import device
from freqkv_cli.models.device import choose_device, choose_placement
from freqkv_cli.models.memory import USABLE_SHARE, estimate_memory
from tests.tiny_models import tiny_config

CONFIG = tiny_config("llama")


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda index: ((1, 5)[index], 10))
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda name: (8, 0))


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def test_auto_on_a_cpu_says_what_it_chose(no_gpu: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_cpu_has_bfloat16", lambda: True)
    placement = choose_placement(CONFIG)
    assert (placement.device, placement.dtype, placement.quant) == ("cpu", "bfloat16", "none")
    assert any(note.startswith("quant none") for note in placement.notes)
    monkeypatch.setattr(device, "_cpu_has_bfloat16", lambda: False)
    placement = choose_placement(CONFIG)
    assert placement.dtype == "float32"
    assert any(note.startswith("dtype float32") for note in placement.notes)


def test_auto_on_gpus_is_16_bits_where_they_fit_and_4_where_not(
    two_gpus: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = {"bytes": 1 << 30}
    monkeypatch.setattr(device, "available_memory", lambda name: free["bytes"])
    monkeypatch.setattr(device, "find_spec", lambda name: util.find_spec("json"))
    placement = choose_placement(CONFIG)
    assert (placement.device, placement.dtype, placement.quant, placement.notes) == ("cuda:1", "bfloat16", "none", ())
    assert choose_placement(CONFIG, quant="4bit").quant == "4bit"
    free["bytes"] = 1 << 20
    placement = choose_placement(CONFIG)
    assert placement.quant == "4bit"
    assert "a cache of 512 slots" in placement.notes[0]
    assert choose_placement(CONFIG, quant="none").quant == "none"
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda name: (7, 5))
    assert choose_placement(CONFIG, device="cuda:0").dtype == "float16"
    monkeypatch.setattr(device, "find_spec", lambda name: None)
    placement = choose_placement(CONFIG)
    assert placement.quant == "none"
    assert any("bitsandbytes is not installed" in note for note in placement.notes)


def test_what_the_user_chose_has_to_fit_beside_16_bit_weights(two_gpus: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "find_spec", lambda name: util.find_spec("json"))
    needed = [
        estimate_memory(CONFIG, quant="none", dtype="bfloat16", device="cuda:1", cache_size=slots, chunk=chunk).total
        for slots, chunk in ((64, 16), (512, 16), (64, 2048))
    ]
    monkeypatch.setattr(device, "available_memory", lambda name: int(1.01 * needed[0] / USABLE_SHARE))
    assert choose_placement(CONFIG, cache_size=64, chunk=16).quant == "none"
    assert choose_placement(CONFIG, cache_size=512, chunk=16).quant == "4bit"
    assert choose_placement(CONFIG, cache_size=64, chunk=2048).quant == "4bit"
    assert needed[0] < min(needed[1:])


def test_missing_bitsandbytes_matters_only_when_needed(no_gpu: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "find_spec", lambda name: None)
    assert choose_placement(CONFIG).quant == "none"
    with pytest.raises(ModelError, match="pip install bitsandbytes"):
        choose_placement(CONFIG, quant="8bit")


def test_model_that_comes_quantized_stays_as_it_is() -> None:
    config = tiny_config("llama", quantization_config={"quant_method": "gptq", "bits": 4})
    placement = choose_placement(config, device="cpu", quant="8bit")
    assert placement.quant == "none"
    assert any("comes quantized" in note for note in placement.notes)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("cuda", "no CUDA device"), ("cuda:0", "torch sees 0"), ("mps", "no MPS"), ("tpu", "unknown device")],
)
def test_device_that_is_not_there(no_gpu: None, monkeypatch: pytest.MonkeyPatch, name: str, reason: str) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(ModelError, match=reason):
        choose_device(name)


def test_unknown_words() -> None:
    with pytest.raises(ModelError, match="unknown dtype"):
        choose_placement(CONFIG, device="cpu", dtype="int4")
    with pytest.raises(ModelError, match="unknown quantization"):
        choose_placement(CONFIG, device="cpu", quant="2bit")
