"""Settings of the whole test run."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Tiny tensors gain nothing from threads and lose much to their start."""
    import torch

    torch.set_num_threads(1)
