"""The bare loop leaves the model as it was, and reads what there is to read."""

import pytest

from freqkv_cli.inference.attention import register_attention
from freqkv_cli.lab.bare_loop import measure_bare_loop
from tests.kvcache.reading import random_ids
from tests.tiny_models import tiny_model


def test_it_measures_and_puts_the_attention_back() -> None:
    model = tiny_model("llama", layers=2)
    model.set_attn_implementation(register_attention())
    lengths: list[int] = []
    model.register_forward_pre_hook(lambda _, __, named: lengths.append(named["input_ids"].shape[1]), with_kwargs=True)
    speed = measure_bare_loop(model, random_ids(100), window=40, chunk=16, written=5)
    assert speed.prefill > 0
    assert speed.decode > 0
    assert lengths == [16, 16, 8] * 2 + [16, 4] + [16, 16, 3] + [1] * 5
    assert model.config._attn_implementation == register_attention()


def test_too_little_to_read_is_refused() -> None:
    with pytest.raises(ValueError, match="do not fill a window of 40"):
        measure_bare_loop(tiny_model("llama", layers=2), random_ids(39), window=40)
