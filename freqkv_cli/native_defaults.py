"""What native libraries read from the environment once: how their threads wait, and how much they remember."""

import os
import sys

DEFAULTS = {
    # torch and numba each have OpenMP threads; by default those without work spin for milliseconds, in others' way.
    "GOMP_SPINCOUNT": "1000",
    # oneDNN, and torch in front of it, keep compiled code for each of the last 1,024 shapes that were multiplied, some
    # 0.5 MB each. Attention has new shapes for as long as is read, and a forward needs about twenty.
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64",
    "LRU_CACHE_CAPACITY": "64",
}


def set_native_defaults() -> None:
    """Set them where the user has not; too late where torch is there already."""
    if "torch" not in sys.modules:
        for variable, value in DEFAULTS.items():
            os.environ.setdefault(variable, value)
