"""Policy specs: what a label means, and what it cannot be."""

import pytest

from freqkv_cli.config import Settings
from freqkv_cli.errors import UsageError
from freqkv_cli.events import run_to_end
from freqkv_cli.measurement.policy_specs import check_labels, open_specs, shrunk, split_label
from freqkv_cli.measurement.subject import Subject, open_subject


@pytest.fixture(scope="module")
def subject() -> Subject:
    opened: Subject = run_to_end(open_subject(Settings(cache_size=200, recent_tokens=16), "tiny"))
    return opened


def test_a_label_is_a_policy_and_a_share() -> None:
    assert split_label("window") == ("window", 1.0)
    assert split_label("landmarks@0.75") == ("landmarks", 0.75)


@pytest.mark.parametrize("label", ["magic", "window@", "window@0", "window@1.5", "window@x", "full@0.5"])
def test_what_is_no_label(label: str) -> None:
    with pytest.raises(UsageError, match="--policies"):
        check_labels([label])


def test_no_label_at_all() -> None:
    with pytest.raises(UsageError, match="names none"):
        check_labels([])


def test_slots_of_specs(subject: Subject) -> None:
    settings = Settings(cache_size=200, recent_tokens=16)
    freqkv, window, full = open_specs(["freqkv", "window@0.75", "full"], subject, settings)
    assert (freqkv.geometry.cache_size, window.geometry.cache_size) == (200, 150)
    assert (freqkv.geometry.recent_tokens, freqkv.limit) == (16, None)
    assert full.limit == full.geometry.cache_size == subject.window
    assert shrunk(full, 100).geometry.cache_size == 100
    assert shrunk(freqkv, 100) is freqkv
    assert freqkv.new_cache(subject).policy.name == "freqkv"
