"""freqkv evaluate spectrum, from a text to the table and the plot, with a tiny model."""

import json
from pathlib import Path

import pytest

from freqkv_cli.config import Settings
from freqkv_cli.documents.document import open_document
from freqkv_cli.errors import InputError
from freqkv_cli.evaluation.spectrum import evaluate_spectrum
from freqkv_cli.events import Done, Text
from tests.tiny_folder import save_tiny_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_tiny_model(tmp_path_factory.mktemp("model"), window=400)


def test_spectrum_of_a_text(model: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    book = tmp_path / "book.txt"
    book.write_text("The ship sailed on, and nobody knew where to. " * 20)
    with open_document(str(book)) as document:
        events = list(
            evaluate_spectrum(
                [document], Settings(model=model, cache_size=200, recent_tokens=0), 900, 0.8, tmp_path / "s.svg"
            )
        )
    (report,) = [event.report for event in events if isinstance(event, Done)]
    json.dumps(report)
    assert report["tokens"] == 800  # four whole caches
    assert report["rows_transformed"] == 192  # 200 slots, sinks so chosen that the filter is quick
    assert len(report["rows"]) == 2 * 2 * 2  # layers, keys and values, heads
    for row in report["rows"]:
        assert 0 <= row["mean"] <= row["lowest_half"] <= 1
        assert row["lowest_half_without_mean"] <= row["lowest_half"]
    assert 0 < report["retain_ratio"]["both"] <= report["retain_ratio"]["without_mean"] <= 1
    assert report["curves"]["keys"]["with_mean"][-1] == [1.0, 1.0]
    (shown,) = [event.delta for event in events if isinstance(event, Text)]
    assert "To hold 80% of the energy: --retain-ratio" in shown
    assert "<svg" in (tmp_path / "s.svg").read_text()


def test_too_short_a_text_is_refused(model: str, tmp_path: Path) -> None:
    book = tmp_path / "book.txt"
    book.write_text("The ship.")
    with (
        open_document(str(book)) as document,
        pytest.raises(InputError, match="9 tokens, too few for a spectrum"),
    ):
        list(evaluate_spectrum([document], Settings(model=model, cache_size=200, recent_tokens=0), 900, 0.8))
