"""Settings of the whole test run."""

import os
from typing import Any

import pytest

from freqkv_cli.native_defaults import set_native_defaults

set_native_defaults()  # before torch: threads that spin while they wait take the other worker's core

STARTERS = {"pexpect", "subprocess"}  # modules by which a file of tests starts processes


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave out what needs a GPU where there is none."""
    if item.get_closest_marker("gpu") is not None:
        import torch

        if not torch.cuda.is_available():
            pytest.skip("needs a CUDA device")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with files that start processes: they take longest, and no worker should wait for another in the end."""
    items.sort(key=lambda item: STARTERS.isdisjoint(vars(getattr(item, "module", item))))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With several workers (-n 2) a file is one worker's, so that what its tests share is made once."""
    from xdist.scheduler import LoadFileScheduling

    config.option.loadscopereorder = False  # by number of tests; ours is by how long they take
    return LoadFileScheduling(config, log)


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Tiny tensors gain nothing from threads and lose much to their start."""
    import torch

    if "PYTEST_XDIST_WORKER" in os.environ:  # two workers on two cores: the processes that tests start, too
        os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
