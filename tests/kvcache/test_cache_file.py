"""A cache in a file: what comes back reads and writes exactly as what went in, on every supported architecture."""

import errno
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from freqkv_cli.config import choices
from freqkv_cli.errors import StateError
from freqkv_cli.inference.attention import register_attention
from freqkv_cli.inference.engine import Engine
from freqkv_cli.inference.sampling import Sampler, Sampling
from freqkv_cli.kvcache import cache_file as states
from freqkv_cli.kvcache.cache import FreqkvCache, make_cache
from freqkv_cli.kvcache.cache_file import Shape, read_state, write_state
from freqkv_cli.kvcache.geometry import Geometry
from freqkv_cli.kvcache.header import ENTRY, read_head
from freqkv_cli.kvcache.policies import make_policy
from freqkv_cli.models.support import SUPPORTED
from tests.tiny_models import HEAD_DIM, VOCABULARY, WINDOW, tiny_model

SLOTS = 48
TEXT = [3 + number * 7 % (VOCABULARY - 3) for number in range(200)]
REQUEST = [5, 9, 17, 33]


def empty_cache(model: Any, policy: str = "freqkv") -> FreqkvCache:
    return make_cache(model, Geometry(SLOTS, 6), make_policy(policy), window=WINDOW)


def read_text(model: Any) -> FreqkvCache:
    cache = empty_cache(model)
    Engine(model, chunk=16).read(cache, TEXT)
    return cache


def answered(model: Any, cache: FreqkvCache) -> list[int]:
    engine, fork, sampler = Engine(model), cache.fork(), Sampler(Sampling())
    logits = engine.read(fork, REQUEST)
    assert logits is not None
    return list(engine.decode(fork, logits, sampler, stop=frozenset(), max_tokens=60))


def save(path: Path, cache: FreqkvCache, text: str = "{}", dtype: torch.dtype | None = None) -> dict[str, Any]:
    manifest: dict[str, Any] = {
        "tokens_seen": cache.tokens_seen,
        "compressions": cache.compressions,
        "rows_kept": cache.rows_kept,
    }
    manifest |= {"queries": cache.observation.count(0), "stored_dtype": str(dtype).removeprefix("torch.")}
    write_state(path, cache, manifest, text, dtype)
    return stored_manifest(path)


def stored_manifest(path: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads(read_head(path))
    return manifest


def opened(
    path: Path, model: Any, manifest: dict[str, Any], slots: int, policy: str = "freqkv"
) -> tuple[FreqkvCache, bytes]:
    cache = empty_cache(model, policy)
    layers = model.config.num_hidden_layers
    heads = model.config.num_attention_heads
    in_bytes = manifest.get("stored_dtype") == "int8"
    shape = Shape(layers, 2, slots, HEAD_DIM, 1000, heads, manifest.get("queries", 0), in_bytes)
    text = read_state(path, cache, manifest, shape, [torch.device("cpu")] * layers, torch.float32)
    return cache, text


@pytest.mark.parametrize("policy", [name for name in choices("policy") if make_policy(name).evicts])
def test_reading_goes_on_alike_with_every_policy(policy: str, tmp_path: Path) -> None:
    model = tiny_model("llama")
    fresh = empty_cache(model, policy)
    model.set_attn_implementation(register_attention())  # which shows queries to those policies that want them
    Engine(model, chunk=16).read(fresh, TEXT)
    assert fresh.room > 0
    manifest = save(tmp_path / "a.freqkv", fresh)
    saved, _ = opened(tmp_path / "a.freqkv", model, manifest, fresh.length, policy)
    for cache in (saved, fresh):
        Engine(model, chunk=16).read(cache, TEXT)
    assert (saved.tokens_seen, saved.compressions, saved.rows_kept) == (400, fresh.compressions, fresh.rows_kept)
    for one, other in zip(saved.layers, fresh.layers, strict=True):
        assert torch.equal(one.keys, other.keys)
        assert torch.equal(one.values, other.values)


def test_an_older_state_tells_no_rows_kept(tmp_path: Path) -> None:
    model = tiny_model("llama")
    fresh = read_text(model)
    manifest = {"tokens_seen": fresh.tokens_seen, "compressions": fresh.compressions}
    write_state(tmp_path / "a.freqkv", fresh, manifest, "{}")
    manifest = stored_manifest(tmp_path / "a.freqkv")
    saved, _ = opened(tmp_path / "a.freqkv", model, manifest, fresh.length)
    assert saved.rows_kept == fresh.rows_kept == 21


@pytest.mark.parametrize("architecture", SUPPORTED)
def test_saved_answers_as_fresh(architecture: str, tmp_path: Path) -> None:
    model = tiny_model(architecture)
    fresh = read_text(model)
    assert fresh.compressions > 3
    manifest = save(tmp_path / "a.freqkv", fresh, "the text \u00e4")
    saved, text = opened(tmp_path / "a.freqkv", model, manifest, fresh.length)
    assert text.decode() == "the text \u00e4"
    assert (saved.tokens_seen, saved.compressions, saved.length) == (len(TEXT), fresh.compressions, fresh.length)
    for one, other in zip(saved.layers, fresh.layers, strict=True):
        assert torch.equal(one.keys, other.keys)
        assert torch.equal(one.values, other.values)
    assert answered(model, saved) == answered(model, fresh)
    Engine(model, chunk=16).read(saved, TEXT)  # reading goes on alike, compressions included
    Engine(model, chunk=16).read(fresh, TEXT)
    assert torch.equal(saved.layers[-1].keys, fresh.layers[-1].keys)


@pytest.mark.parametrize(("dtype", "error"), [(torch.bfloat16, 4e-3), (torch.float16, 5e-4), (torch.int8, 1e-2)])
def test_stored_smaller(dtype: torch.dtype, error: float, tmp_path: Path) -> None:
    model = tiny_model("llama")
    fresh = read_text(model)
    save(tmp_path / "full.freqkv", fresh)
    manifest = save(tmp_path / "small.freqkv", fresh, dtype=dtype)
    saved, _ = opened(tmp_path / "small.freqkv", model, manifest, fresh.length)
    assert (tmp_path / "small.freqkv").stat().st_size < 0.6 * (tmp_path / "full.freqkv").stat().st_size
    keys, exact = saved.layers[0].keys, fresh.layers[0].keys
    assert keys.dtype == torch.float32
    assert 0 < float((keys - exact).norm() / exact.norm()) < error


def test_queries_stay_as_they_are_in_a_state_of_bytes(tmp_path: Path) -> None:
    """They are few, and decide what the next compression keeps."""
    model = tiny_model("llama")
    model.set_attn_implementation(register_attention())
    fresh = empty_cache(model, "morph")
    Engine(model, chunk=16).read(fresh, TEXT)
    manifest = save(tmp_path / "a.freqkv", fresh, dtype=torch.int8)
    saved, _ = opened(tmp_path / "a.freqkv", model, manifest, fresh.length, "morph")
    assert manifest["queries"] > 0
    assert torch.equal(saved.observation.queries(1), fresh.observation.queries(1))


def test_ranges_of_another_form_are_refused(tmp_path: Path) -> None:
    model = tiny_model("llama")
    fresh = read_text(model)
    manifest = save(tmp_path / "a.freqkv", fresh, dtype=torch.int8)
    with pytest.raises(StateError, match="layers"):  # said to hold numbers as they are
        opened(tmp_path / "a.freqkv", model, {**manifest, "stored_dtype": "float32"}, fresh.length)
    tensors = load_file(tmp_path / "a.freqkv")
    tensors["values.1.range"] = tensors["values.1.range"][..., :1, :].contiguous()
    save_file(tensors, tmp_path / "b.freqkv", metadata={ENTRY: json.dumps(manifest)})
    with pytest.raises(StateError, match=r"its tensor values\.1\.range is F32"):
        opened(tmp_path / "b.freqkv", model, manifest, fresh.length)


def test_a_state_is_private_and_leaves_no_draft(tmp_path: Path) -> None:
    save(tmp_path / "a.freqkv", read_text(tiny_model("llama")))
    assert [path.name for path in tmp_path.iterdir()] == ["a.freqkv"]
    assert (tmp_path / "a.freqkv").stat().st_mode & 0o777 == 0o600


def test_a_full_disk_leaves_the_old_state_and_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = read_text(tiny_model("llama"))
    save(tmp_path / "a.freqkv", cache)
    before = (tmp_path / "a.freqkv").read_bytes()

    def full(tensors: object, path: Path, **_: object) -> None:
        Path(path).write_bytes(b"half a file")
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(states, "save_file", full)
    with pytest.raises(OSError, match="No space left") as failure:
        save(tmp_path / "a.freqkv", cache, "another text")
    assert failure.value.errno == errno.ENOSPC
    assert [path.name for path in tmp_path.iterdir()] == ["a.freqkv"]
    assert (tmp_path / "a.freqkv").read_bytes() == before


def test_a_state_of_another_shape_is_refused(tmp_path: Path) -> None:
    model = tiny_model("llama")
    fresh = read_text(model)
    manifest = save(tmp_path / "a.freqkv", fresh)
    with pytest.raises(StateError, match="damaged"):
        opened(tmp_path / "a.freqkv", model, manifest, fresh.length - 1)
    with pytest.raises(StateError, match="layers"):
        opened(tmp_path / "a.freqkv", tiny_model("llama", layers=2), manifest, fresh.length)


def test_more_text_than_memory_holds_is_refused(tmp_path: Path) -> None:
    model = tiny_model("llama")
    fresh = read_text(model)
    manifest = save(tmp_path / "a.freqkv", fresh, "x" * 1001)
    with pytest.raises(StateError, match="larger than memory"):
        opened(tmp_path / "a.freqkv", model, manifest, fresh.length)


def test_another_manifest_is_refused_and_the_cache_stays_empty(tmp_path: Path) -> None:
    model = tiny_model("llama")
    fresh = read_text(model)
    manifest = save(tmp_path / "a.freqkv", fresh)
    cache = empty_cache(model)
    shape = Shape(3, 2, fresh.length, HEAD_DIM, 1000)
    changed = {**manifest, "compressions": manifest["compressions"] + 1}
    with pytest.raises(StateError, match="checksum"):
        read_state(tmp_path / "a.freqkv", cache, changed, shape, [torch.device("cpu")] * 3, torch.float32)
    assert (cache.length, cache.tokens_seen, cache.compressions) == (0, 0, 0)


def test_a_stopped_forward_is_cut_off() -> None:
    model = tiny_model("llama")
    cache, whole = empty_cache(model), empty_cache(model)
    Engine(model, chunk=16).read(cache, TEXT[:100])
    Engine(model, chunk=16).read(whole, TEXT)
    cache.make_room()
    rows = cache.layers[0].keys[..., : cache.room, :].clone()
    cache.layers[0].update(rows, rows)  # the first layer was done, the others were not
    assert cache.truncate(100)
    assert {layer.get_seq_length() for layer in cache.layers} == {100 - cache._slots_freed}
    Engine(model, chunk=16).read(cache, TEXT[100:])
    assert torch.allclose(cache.layers[-1].keys, whole.layers[-1].keys, atol=1e-5)


def test_a_stopped_compression_cannot_be_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model("llama")
    cache = empty_cache(model)
    Engine(model, chunk=16).read(cache, TEXT[:40])

    def stopped(*_: object) -> Iterator[None]:
        raise KeyboardInterrupt

    monkeypatch.setattr(cache.layers[1], "compress", stopped)
    with pytest.raises(KeyboardInterrupt):
        cache.compress()
    assert not cache.truncate(40)
