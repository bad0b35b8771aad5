"""Transformers speaks through freqkv's own messages, or not at all, while freqkv is at work with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Switch off the library's warnings and all progress bars until the block, or the decorated function, ends; what
    matters is raised as an error by our own checks.
    """
    from tqdm.std import tqdm
    from transformers.utils import logging

    verbosity, start = logging.get_verbosity(), tqdm.__init__

    def start_disabled(bar: Any, *args: Any, **options: Any) -> None:
        start(bar, *args, **{**options, "disable": True})

    logging.set_verbosity_error()
    tqdm.__init__ = start_disabled  # the bars of its loaders have no switch in common
    try:
        yield
    finally:
        tqdm.__init__ = start
        logging.set_verbosity(verbosity)
