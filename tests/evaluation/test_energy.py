"""Energy by frequency, against scipy and on sequences whose spectrum is known."""

import math

import pytest
import scipy.fft
import torch

from freqkv_cli.evaluation.energy import Energy, sampled, segments, wanted_ratio
from freqkv_cli.kvcache.geometry import Geometry
from tests.kvcache.reading import new_cache, random_ids, read_logits
from tests.tiny_models import tiny_model


def test_equals_scipy_on_position_free_keys() -> None:
    model = tiny_model("llama")
    cache = new_cache(model, Geometry(40, 3, 5), "freqkv")
    with torch.no_grad():
        read_logits(model, cache, random_ids(40))
    found = Energy.of(cache)
    assert (found.sums.shape, found.rows) == ((3, 2, 2, 32), 32)
    layer = cache.layers[1]
    free = cache.rotation.unrotate(layer.keys, 0)[0, :, 3:35]
    for number, part in enumerate((free, layer.values[0, :, 3:35])):
        expected = torch.from_numpy(scipy.fft.dct(part.double().numpy(), axis=1, norm="ortho")).square().sum(-1)
        torch.testing.assert_close(found.sums[1, number], expected, atol=1e-4, rtol=1e-4)


def test_white_noise_has_half_of_its_energy_in_the_lower_half() -> None:
    noise = torch.randn(1, 2, 4, 4096, generator=torch.Generator().manual_seed(0)).double().square()
    held = Energy(noise).held(with_mean=False)
    assert held[..., 2047].mean() == pytest.approx(0.5, abs=0.01)
    assert wanted_ratio(held.mean(dim=(0, 1, 2)), 0.9) == pytest.approx(0.9, abs=0.01)


def test_the_mean_counts_or_does_not() -> None:
    energy = Energy(torch.tensor([[[[6.0, 1.0, 0.0, 3.0]]]]).double())
    assert energy.mean_shares().item() == pytest.approx(0.6)
    assert energy.held(with_mean=True)[0, 0, 0].tolist() == pytest.approx([0.6, 0.7, 0.7, 1.0])
    assert energy.held(with_mean=False)[0, 0, 0].tolist() == pytest.approx([0.0, 0.25, 0.25, 1.0])
    energy.add(energy)
    assert energy.sums.sum() == 20


def test_a_share_of_the_coefficients() -> None:
    held = torch.tensor([0.6, 0.7, 0.7, 1.0])
    assert [wanted_ratio(held, share) for share in (0.5, 0.65, 0.7001, 1.0)] == [0.25, 0.5, 1.0, 1.0]
    assert sampled(held, 2) == [(0.5, pytest.approx(0.7)), (1.0, 1.0)]
    assert len(sampled(held, 100)) == 4


def test_pieces() -> None:
    assert [(one.start, one.stop) for one in segments(25, 10)] == [(0, 10), (10, 20)]
    assert [(one.start, one.stop) for one in segments(7, 10)] == [(0, 7)]
    assert math.ceil(25 / 10) == 3  # the last piece, which is not whole, is left out
