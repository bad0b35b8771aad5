"""Adapters are merged as peft merges them, found for the model they belong to, and refused elsewhere."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from freqkv_cli.errors import ModelError
from freqkv_cli.models import adapter as adapters
from freqkv_cli.models.adapter import (
    CONFIG,
    MANIFEST,
    WEIGHTS,
    find_adapter,
    open_adapter,
)
from freqkv_cli.models.loading import load_model
from freqkv_cli.models.source import ModelSource, resolve_model
from tests.tiny_adapter import save_tiny_adapter
from tests.tiny_folder import save_tiny_model

IDS = torch.tensor([[5, 9, 17, 30, 2, 44]])


@pytest.fixture
def base(tmp_path: Path) -> ModelSource:
    return resolve_model(save_tiny_model(tmp_path / "base"))


@pytest.fixture
def folder(base: ModelSource, tmp_path: Path) -> Path:
    return Path(save_tiny_adapter(base.folder, tmp_path / "adapter"))


def logits(model: Any) -> Tensor:
    with torch.inference_mode():
        answer: Tensor = model(IDS).logits
    return answer


def load(base: ModelSource, adapter: str | None, **more: Any) -> Any:
    return load_model(
        base,
        **{"device": "cpu", "dtype": "float32", "quant": "none"} | more,
        adapter=find_adapter(adapter, base, "freqkv"),
    ).model


@pytest.mark.filterwarnings("ignore::FutureWarning")  # peft uses an old name of transformers
def test_merged_weights_are_those_of_peft(base: ModelSource, folder: Path) -> None:
    from peft import PeftModel

    plain = load(base, None)
    untouched = logits(plain)
    theirs = PeftModel.from_pretrained(plain, str(folder)).merge_and_unload()
    ours = load(base, str(folder))
    expected = theirs.state_dict()
    assert ours.state_dict().keys() == expected.keys()
    for name, weight in ours.state_dict().items():
        assert torch.allclose(weight, expected[name], atol=1e-6), name
    assert (logits(ours) - untouched).abs().max() > 0.1
    assert torch.allclose(logits(ours), logits(theirs), atol=1e-4)


def test_none_leaves_the_model_as_it_is(base: ModelSource, folder: Path) -> None:
    assert torch.equal(logits(load(base, "none")), logits(load(base, None)))


def test_adapter_is_merged_before_weights_are_quantized(base: ModelSource, folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes")
    merged = tmp_path / "merged"
    save_tiny_model(merged)
    load(base, str(folder)).save_pretrained(merged)
    expected = load(resolve_model(str(merged)), None, quant="4bit")
    quantized = load(base, str(folder), quant="4bit")
    assert type(quantized.model.layers[0].self_attn.q_proj).__name__ == "Linear4bit"
    assert torch.equal(logits(quantized), logits(expected))


def test_adapter_is_merged_into_16_bits_once_rounded(base: ModelSource, folder: Path) -> None:
    exact, rounded = load(base, str(folder)).state_dict(), load(base, str(folder), dtype="bfloat16").state_dict()
    for name, weight in rounded.items():
        assert torch.equal(weight, exact[name].to(torch.bfloat16)), name


def test_adapter_of_another_model_is_refused(folder: Path, tmp_path: Path) -> None:
    other = resolve_model(save_tiny_model(tmp_path / "other", window=1024))
    with pytest.raises(ModelError, match=r"belongs to --model .*base .*or --adapter none") as refused:
        find_adapter(str(folder), other, "freqkv")
    assert refused.value.exit_code == 5


@pytest.mark.parametrize("name", [WEIGHTS, CONFIG, MANIFEST])
def test_incomplete_adapter_is_refused(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ModelError, match=f"incomplete in .*no {name}"):
        open_adapter(folder)


def test_folder_without_an_adapter_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no adapter in"):
        open_adapter(tmp_path)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (CONFIG, {"use_dora": True}, "not plain LoRA .use_dora"),
        (CONFIG, {"bias": "all"}, "not plain LoRA"),
        (CONFIG, {"peft_type": "IA3"}, "not plain LoRA"),
        (CONFIG, {"r": 0}, "is broken"),
        (MANIFEST, {"format": 2}, "of format 2"),
        (MANIFEST, {"cache": None}, "is broken"),
    ],
)
def test_adapter_that_cannot_be_understood_is_refused(
    folder: Path, name: str, change: dict[str, Any], message: str
) -> None:
    said = json.loads((folder / name).read_text(encoding="utf-8"))
    (folder / name).write_text(json.dumps({**said, **change}), encoding="utf-8")
    with pytest.raises(ModelError, match=message):
        open_adapter(folder)


def test_damaged_weights_are_refused(base: ModelSource, folder: Path) -> None:
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:100])
    with pytest.raises(ModelError, match="is broken"):
        load(base, str(folder))


def test_weights_of_another_shape_are_refused(base: ModelSource, folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    parts = load_file(folder / WEIGHTS)
    name = next(iter(parts))
    save_file({**parts, name: parts[name][:, :-1].contiguous()}, folder / WEIGHTS)
    with pytest.raises(ModelError, match="does not go with the model"):
        load(base, str(folder))


def test_misfit_names_what_differs(folder: Path) -> None:
    adapter = open_adapter(folder)
    assert adapter.misfit("freqkv", 64, 0, 0.5) is None
    told = adapter.misfit("window", 128, 0, 0.5)
    assert told is not None
    assert "--policy freqkv, not window and --cache-size 64, not 128" in told


def test_shipped_adapter_serves_its_alias_and_its_policy(
    base: ModelSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapters, "SHIPPED", tmp_path / "shipped")
    save_tiny_adapter(base.folder, tmp_path / "shipped" / "smollm2")
    alias = ModelSource("smollm2", base.id, base.folder, None, None, None)
    found = find_adapter(None, alias, "freqkv")
    assert found is not None
    assert found.shipped
    assert found.misfit("freqkv", 2048, 0, 0.5) is None
    assert find_adapter(None, alias, "window") is None
    assert find_adapter("none", alias, "freqkv") is None
    assert find_adapter(None, base, "freqkv") is None


def test_nothing_is_shipped_yet_or_it_is_whole() -> None:
    for folder in adapters.SHIPPED.glob("*/"):
        assert open_adapter(folder, shipped=True).manifest.cache.policy


def test_digest_is_of_the_numbers(base: ModelSource, folder: Path, tmp_path: Path) -> None:
    same = save_tiny_adapter(base.folder, tmp_path / "same")
    other = save_tiny_adapter(base.folder, tmp_path / "other-numbers", seed=5)
    assert open_adapter(Path(same)).digest == open_adapter(folder).digest
    assert open_adapter(Path(other)).digest != open_adapter(folder).digest
