"""How threads that have no work wait for it."""

import os
import sys

# torch and numba each have OpenMP threads; by default those without work spin for milliseconds, in the way of others.
BRIEF_WAITS = {"GOMP_SPINCOUNT": "1000"}


def wait_briefly() -> None:
    """Let them wait briefly, where the user has not said how; too late where torch has started its own already."""
    if "torch" not in sys.modules:
        for variable, value in BRIEF_WAITS.items():
            os.environ.setdefault(variable, value)
