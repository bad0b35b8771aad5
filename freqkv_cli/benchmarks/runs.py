"""One pass of a reader through the text, and what was measured on the way."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

from freqkv_cli.benchmarks.readers import TimedReader, Writing
from freqkv_cli.measurement.peak import forget_peak, held_bytes, peak_bytes

REQUEST = 32  # tokens of the request before an answer
WARM_UP = 1024  # tokens
WARM_UP_ANSWER = 16  # tokens; of so many on a GPU writes in static shapes
TENTHS = 10
CHUNKS_PER_TENTH = 4  # at least: the last chunk before a mark is a short one


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a reader stood after `tokens`: seconds since it began and for compression, slots in use, bytes held."""

    tokens: int
    seconds: float
    compression: float
    slots: int
    cache_bytes: int
    rss_bytes: int
    peak: dict[str, int]


@dataclass(slots=True)
class Pass:
    """One reading from the start of the text. Writings and the peaks while writing are by depth."""

    marks: list[Mark] = field(default_factory=list)
    writings: dict[int, Writing] = field(default_factory=dict)
    writing_peaks: dict[int, dict[str, int]] = field(default_factory=dict)

    def at(self, tokens: int) -> Mark | None:
        """Return the mark after so many tokens, if it came that far."""
        return next((mark for mark in self.marks if mark.tokens == tokens), None)


def reach(reader: TimedReader, depths: Sequence[int], count: int) -> list[int]:
    """Return the depths at which a reader can still take a request and write `count` tokens."""
    return [depth for depth in depths if reader.limit is None or depth + REQUEST + count <= reader.limit]


def tenths(deepest: int) -> list[int]:
    """Return the ends of the ten tenths of a text."""
    return [deepest * part // TENTHS for part in range(1, TENTHS + 1)]


def stops(depths: Sequence[int], chunk: int) -> list[int]:
    """Return where a pass stops for a mark: at every depth, and at tenths that are long beside a chunk."""
    deepest = depths[-1]
    return sorted({*depths, *(tenths(deepest) if deepest >= TENTHS * CHUNKS_PER_TENTH * chunk else ())})


def warm_up(reader: TimedReader, ids: Sequence[int]) -> None:
    """Let a reader load, compile and touch what it needs, untimed."""
    reader.clear()
    for _ in reader.read(ids[:WARM_UP]):
        pass
    reader.write(ids[: min(REQUEST, len(ids))], WARM_UP_ANSWER)


def run_pass(
    reader: TimedReader, ids: Sequence[int], depths: Sequence[int], count: int, chunk: int, into: Pass
) -> Generator[int, None, None]:
    """Read to the deepest of `depths` and write `count` tokens at each; yield the tokens of every piece read.

    What is measured goes into `into` as it comes, so that an interrupted pass keeps its marks.
    """
    reader.clear()
    forget_peak(reader.pid)
    at, seconds = 0, 0.0
    for stop in stops(depths, chunk):
        for size, spent in reader.read(ids[at:stop]):
            seconds += spent
            yield size
        at = stop
        into.marks.append(
            Mark(
                at,
                seconds,
                reader.compression_seconds(),
                reader.slots(),
                reader.cache_bytes(),
                held_bytes(reader.pid),
                peak_bytes(reader.pid),
            )
        )
        if at in depths:
            forget_peak(reader.pid)
            into.writings[at] = reader.write(ids[:REQUEST], count)
            into.writing_peaks[at] = peak_bytes(reader.pid)
            forget_peak(reader.pid)
