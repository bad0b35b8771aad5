"""Settings of the whole test run."""

import os

import pytest


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Tiny tensors gain nothing from threads and lose much to their start."""
    import torch

    if "PYTEST_XDIST_WORKER" in os.environ:  # two workers on two cores: the processes that tests start, too
        os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
