"""The plot: every reader's lines are in it; what cannot be drawn is refused before anything is measured."""

from pathlib import Path

import pytest

from freqkv_cli.benchmarks.bench import bench
from freqkv_cli.benchmarks.options import BenchOptions
from freqkv_cli.config import Settings
from freqkv_cli.errors import UsageError
from freqkv_cli.measurement import plot as bench_plot

pytest.importorskip("matplotlib")


@pytest.mark.parametrize(("name", "begin"), [("a.svg", b"<?xml"), ("a.png", b"\x89PNG")])
def test_a_benchmark_is_drawn(tmp_path: Path, name: str, begin: bytes) -> None:
    path = tmp_path / name
    choice = BenchOptions((40, 100), policies=("freqkv", "window"), repetitions=1, written=2, shape="tiny", plot=path)
    list(bench([], Settings(cache_size=128, chunk=16), choice))
    drawn = path.read_bytes()
    assert drawn.startswith(begin)
    if name.endswith("svg"):
        for said in (b"freqkv: at the most", b"window: cache", b"tokens read", b"tiny (random weights)"):
            assert b"<!-- " + said in drawn


@pytest.mark.parametrize(("name", "problem"), [("a.pdf", "must end in .png or .svg"), ("none/a.png", "no folder")])
def test_a_place_that_cannot_be(tmp_path: Path, name: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        bench_plot.require_matplotlib(tmp_path / name)


def test_without_matplotlib_the_user_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_plot, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="pip install matplotlib"):
        bench_plot.require_matplotlib(tmp_path / "a.png")
