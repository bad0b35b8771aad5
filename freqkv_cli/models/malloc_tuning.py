"""Memory that is used again and again stays with the process."""

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h of glibc
LARGEST = 32 << 20  # bytes; glibc takes no more
KEPT = 256 << 20  # bytes at the end of the heap


def keep_freed_memory() -> bool:
    """Let the C library keep what is freed, up to KEPT bytes. Returns whether it does; only glibc can be told.

    A forward of a chunk allocates and frees the same few megabytes for each of its tensors. By default glibc hands each
    back to the system at once, and the next forward waits for as many fresh, zeroed pages: a sixth of the time of
    reading (docs/experiments.md). The peak does not change.
    """
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    taken = [mallopt(M_MMAP_THRESHOLD, LARGEST), mallopt(M_TRIM_THRESHOLD, KEPT)]
    return all(taken)


def give_back_free_memory() -> bool:
    """Let the system have the pages of freed blocks back, those between blocks in use, too. Returns whether any went.

    What is freed between blocks that live on fits later ones ever worse, and the heap would grow by what lies fallow in
    it. It costs as many page faults as the next forward needs pages: to be called now and then.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    return trim is not None and bool(trim(0))
