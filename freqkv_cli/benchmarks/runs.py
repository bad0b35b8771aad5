"""One pass of a reader through the text, and what was measured at each depth."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

from freqkv_cli.benchmarks.backends import Backend, Writing
from freqkv_cli.measurement.peak import forget_peak, peak_bytes

REQUEST = 32  # tokens of the request before an answer
WARM_UP = 1024  # tokens
WARM_UP_ANSWER = 16  # tokens; of so many on a GPU writes in static shapes


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a reader stood after `tokens`: seconds since it began and for compression, slots in use, bytes of its
    cache, the most bytes while reading so far, an answer, and the most bytes while writing that.
    """

    tokens: int
    seconds: float
    compression: float
    slots: int
    cache_bytes: int
    reading_peak: dict[str, int]
    writing: Writing
    writing_peak: dict[str, int]


def reach(reader: Backend, depths: Sequence[int], count: int) -> list[int]:
    """Return the depths at which a reader can still take a request and write `count` tokens."""
    return [depth for depth in depths if reader.limit is None or depth + REQUEST + count <= reader.limit]


def warm_up(reader: Backend, ids: Sequence[int]) -> None:
    """Let a reader load, compile and touch what it needs, untimed."""
    reader.clear()
    for _ in reader.read(ids[:WARM_UP]):
        pass
    reader.write(ids[: min(REQUEST, len(ids))], WARM_UP_ANSWER)


def run_pass(
    reader: Backend, ids: Sequence[int], depths: Sequence[int], count: int, into: list[Mark]
) -> Generator[int, None, None]:
    """Read to the deepest of `depths` and write `count` tokens at each; yield the tokens of every piece read.

    Marks go into `into` as they come, each followed by a piece of 0 tokens, so that an interrupted pass keeps them.
    """
    reader.clear()
    at, seconds, peak = 0, 0.0, dict[str, int]()
    for depth in depths:
        forget_peak(reader.pid)
        for size, spent in reader.read(ids[at:depth]):
            seconds += spent
            yield size
        at = depth
        peak = {name: max(size, peak.get(name, 0)) for name, size in peak_bytes(reader.pid).items()}
        so_far = (at, seconds, reader.compression_seconds(), reader.slots(), reader.cache_bytes(), peak)
        forget_peak(reader.pid)
        writing = reader.write(ids[:REQUEST], count)
        into.append(Mark(*so_far, writing, peak_bytes(reader.pid)))
        yield 0
