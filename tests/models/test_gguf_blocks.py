"""Weights stay in the blocks of a GGUF file on a CPU; what is read and written with them is what they stand for."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from freqkv_cli.errors import ModelError
from freqkv_cli.inference.attention import register_attention
from freqkv_cli.inference.cpu.decode import cpu_decoder
from freqkv_cli.inference.engine import Engine
from freqkv_cli.kvcache.geometry import Geometry
from freqkv_cli.models.adapter import Adapter, changed_parameters, merge_adapter, open_adapter
from freqkv_cli.models.conversion import convert_gguf
from freqkv_cli.models.gguf.index import INDEX, read_index
from freqkv_cli.models.loading import LoadedModel, load_model
from freqkv_cli.models.source import ModelSource, resolve_model
from freqkv_cli.quantized.blocks import LAYOUTS, Q4_0, Q4_K, Q5_0, Q6_K, Q8_0
from freqkv_cli.quantized.modules import QuantizedLinear
from tests.kvcache.reading import new_cache
from tests.models.tiny_gguf import write_tiny_gguf
from tests.tiny_adapter import save_tiny_adapter

SHAPES: dict[str, dict[str, Any]] = {
    "llama": {"architecture": "llama", "kinds": (Q4_0, Q8_0, Q5_0), "width": 64},
    "llama, large blocks": {"architecture": "llama", "kinds": (Q4_K, Q6_K), "width": 256, "tied": False},
    "qwen2": {"architecture": "qwen2", "kinds": tuple(LAYOUTS), "width": 256, "tied": False},
    "qwen2, tied": {"architecture": "qwen2", "kinds": (Q6_K, Q4_K), "width": 256, "tied": True},
}


@pytest.fixture(scope="module", params=SHAPES)
def source(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ModelSource:
    folder = tmp_path_factory.mktemp("blocks")
    gguf = write_tiny_gguf(folder / "tiny.gguf", **SHAPES[request.param])
    store = folder / "store"
    store.mkdir()
    convert_gguf(gguf, store)
    return ModelSource("tiny", "tiny", str(store), str(gguf), None, 0)


def load(source: ModelSource, quant: str = "auto", dtype: str = "float32") -> LoadedModel:
    return load_model(source, device="cpu", dtype=dtype, quant=quant, attn_implementation=register_attention())


def ids(count: int) -> Tensor:
    return torch.randint(3, 200, (1, count), generator=torch.Generator().manual_seed(count))


def test_no_weight_is_converted(source: ModelSource) -> None:
    assert (Path(source.folder) / INDEX).is_file()
    assert not list(Path(source.folder).glob("*.safetensors"))
    loaded = load(source)
    assert (loaded.quant, loaded.dtype) == ("gguf", "float32")
    linears = [module for module in loaded.model.modules() if "Linear" in type(module).__name__]
    assert linears
    assert all(isinstance(module, QuantizedLinear) for module in linears)
    assert all(parameter.ndim == 1 for parameter in loaded.model.parameters())


def test_sizes_are_those_of_the_file(source: ModelSource) -> None:
    index, loaded = read_index(Path(source.folder)), load(source)
    assert index is not None
    assert loaded.parameters == index.parameters == load(source, "none").model.num_parameters()
    assert loaded.weight_bytes == index.weight_bytes


def test_the_numbers_are_those_that_transformers_reads(source: ModelSource) -> None:
    """Names, shapes, order of rows, biases and the output matrix: transformers' own reader is the oracle."""
    from transformers import AutoModelForCausalLM

    path = Path(source.gguf_file or "")
    oracle = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32)
    expected = oracle.state_dict()
    actual = load(source, "none").model.state_dict()
    assert actual.keys() == expected.keys()
    assert all(torch.equal(actual[name], expected[name]) for name in expected)


@pytest.mark.parametrize("count", [5, 40])
def test_logits_are_near_those_of_the_dequantized_model(source: ModelSource, count: int) -> None:
    with torch.inference_mode():
        actual, expected = (load(source, quant).model(ids(count)).logits for quant in ("auto", "none"))
    assert (actual - expected).std() < 0.08 * expected.std()  # bytes for bytes: four to five parts in a hundred


def test_writing_is_in_the_kernels_and_near_the_dequantized_model(source: ModelSource) -> None:
    geometry = Geometry(64, 4, 8, 0.5)
    rows = {}
    for quant in ("auto", "none"):
        model = load(source, quant).model
        cache, engine = new_cache(model, geometry), Engine(model)
        with torch.inference_mode():
            engine.read(cache, ids(40)[0].tolist())
            rows[quant] = torch.cat([engine.run(cache, [token], 1, few=True) for token in ids(10)[0].tolist()])
            decoder = cpu_decoder(model, cache)
        assert decoder is not None
        assert decoder.verified
    assert (rows["auto"] - rows["none"]).std() < 0.08 * rows["none"].std()


def test_tokens_written_together_are_what_they_are_one_by_one(source: ModelSource) -> None:
    model = load(source, dtype="bfloat16").model
    together, alone = (new_cache(model, Geometry(64, 4, 8, 0.5)) for _ in range(2))
    engine = Engine(model)
    with torch.inference_mode():
        for cache in (together, alone):
            engine.read(cache, ids(30)[0].tolist())
        tokens = ids(5)[0].tolist()
        rows = engine.run(together, tokens, 5, few=True)
        assert torch.equal(rows, torch.cat([engine.run(alone, [token], 1, few=True) for token in tokens]))


def test_what_the_blocks_stand_for_can_be_asked_for(source: ModelSource) -> None:
    loaded = load(source, "none", "bfloat16")
    assert loaded.quant == "none"
    assert loaded.weight_bytes == 2 * loaded.parameters


def test_a_file_that_has_changed_is_refused(source: ModelSource, tmp_path: Path) -> None:
    shorter = tmp_path / "tiny.gguf"
    shorter.write_bytes(Path(source.gguf_file or "").read_bytes()[:-100])
    changed = ModelSource("tiny", "tiny", source.folder, str(shorter), None, 0)
    with pytest.raises(ModelError, match=r"tiny\.gguf is not the file that it was"):
        load(changed)


def test_blocks_are_for_cpus_and_for_files_that_have_them(source: ModelSource, tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.mkdir()
    plain = write_tiny_gguf(tmp_path / "plain.gguf")
    convert_gguf(plain, store)
    assert not (store / INDEX).exists()
    with pytest.raises(ModelError, match="--quant gguf is for GGUF files"):
        load(ModelSource("plain", "plain", str(store), str(plain), None, 0), "gguf")


def test_a_broken_index_is_one_line(source: ModelSource, tmp_path: Path) -> None:
    (tmp_path / INDEX).write_text("{")
    with pytest.raises(ModelError, match=r"gguf\.json is broken") as caught:
        read_index(tmp_path)
    assert "\n" not in caught.value.message


@pytest.fixture
def tuned_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[ModelSource, Adapter]:
    monkeypatch.setenv("FREQKV_CACHE_DIR", str(tmp_path / "cache"))
    gguf = write_tiny_gguf(tmp_path / "tiny.gguf", **SHAPES["llama"])
    return resolve_model(str(gguf)), open_adapter(Path(save_tiny_adapter(str(gguf), tmp_path / "adapter")))


def test_an_adapter_is_merged_into_unpacked_weights(tuned_source: tuple[ModelSource, Adapter]) -> None:
    source, adapter = tuned_source
    plain, tuned = (
        load_model(source, device="cpu", dtype="float32", quant="none", adapter=one) for one in (None, adapter)
    )
    expected, actual = merge_adapter(adapter, plain.model.state_dict()), tuned.model.state_dict()
    assert any(not torch.equal(actual[name], weight) for name, weight in plain.model.state_dict().items())
    assert all(torch.equal(actual[name], expected[name]) for name in actual)


def test_what_an_adapter_changes_is_held_in_8_bits_and_the_rest_stays_in_the_file(
    tuned_source: tuple[ModelSource, Adapter],
) -> None:
    source, adapter = tuned_source
    plain = load_model(source, device="cpu", dtype="float32", quant="none").model.state_dict()
    merged = merge_adapter(adapter, plain)
    tuned = load_model(source, device="cpu", dtype="float32", adapter=adapter)
    assert tuned.quant == "gguf"
    changed = 0
    for name, module in tuned.model.named_modules():
        if not isinstance(module, QuantizedLinear):
            continue
        weight, matrix = f"{name}.weight", module.matrix
        if torch.equal(merged[weight], plain[weight]):
            assert torch.equal(matrix.dequantize(), plain[weight])
            continue
        changed += math.prod(matrix.shape)
        assert matrix.kind == Q8_0
        highest = merged[weight].unflatten(1, (-1, 32)).abs().amax(-1)
        wrong = (matrix.dequantize() - merged[weight]).unflatten(1, (-1, 32)).abs().amax(-1)
        assert bool((wrong <= highest / 127 * 0.57).all())  # half a step, and 127 of what its 16 bits leave out
    assert changed == changed_parameters(adapter) > 0


def test_a_processor_that_multiplies_wrongly_gets_whole_weights(
    source: ModelSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    def twice(self: QuantizedLinear, tokens: Tensor) -> Tensor:
        return 2 * right(self, tokens)

    right = QuantizedLinear._few
    monkeypatch.setattr(QuantizedLinear, "_few", twice)
    loaded = load(source)
    assert (loaded.quant, loaded.notes) == (
        "none",
        ["weights unpacked to float32: this processor multiplies them wrongly where they lie"],
    )
    assert loaded.weight_bytes == 4 * loaded.parameters
