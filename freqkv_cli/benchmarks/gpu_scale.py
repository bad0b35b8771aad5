"""How large the measurements of benchmarks/gpu.py are: in earnest, and at toy size."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Scale:
    """slots: N of the cache. depths: tokens read before each measurement; full_depths: the same for a cache that grows.

    copied: bytes of the copy that gives the bandwidth. square: rows of the matrix product that gives the arithmetic.
    """

    shape: str
    slots: int
    larger_slots: int
    chunk: int
    depths: tuple[int, ...]
    full_depths: tuple[int, ...]
    written: int
    copied: int
    square: int

    @property
    def larger(self) -> "Scale":
        """The same with the larger cache."""
        return replace(self, slots=self.larger_slots)


GPU = Scale(
    shape="llama-3.1-8b",
    slots=4096,
    larger_slots=8192,
    chunk=2048,
    depths=(4_000, 16_000, 64_000, 128_000, 256_000, 512_000, 1_000_000),
    full_depths=(4_000, 16_000, 64_000, 128_000),
    written=64,
    copied=4 * 2**30,
    square=8192,
)
TOY = Scale(
    shape="tiny",
    slots=128,
    larger_slots=256,
    chunk=64,
    depths=(100, 400, 1000, 2000),
    full_depths=(100, 400, 1000),
    written=4,
    copied=2**24,
    square=256,
)
