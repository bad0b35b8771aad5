"""Parts: what most formats come to, texts with their places, given out as pages."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from freqkv_cli.documents.blocks import cut_blocks
from freqkv_cli.documents.clean import clean
from freqkv_cli.documents.metadata import Metadata
from freqkv_cli.documents.page import Page
from freqkv_cli.documents.reader import Findings, reason
from freqkv_cli.documents.source import Source
from freqkv_cli.errors import FreqkvError, InputError
from freqkv_cli.location import Location

NO_METADATA = Metadata()


@dataclass(frozen=True, slots=True)
class Part:
    """A text that stands by itself: a section, a slide, a message. `marks` are places in it, as in `Page`."""

    text: str
    location: Location | None = None
    heading: str | None = None
    marks: tuple[tuple[int, Location], ...] = ()


class PartsReader:
    """A document that a function takes apart: from `Findings` to the parts and the share that is read with each.

    Whatever the function raises becomes one line that says that the file is a broken `what`.
    """

    page_count: int | None = None

    def __init__(
        self,
        source: Source,
        what: str,
        parts: Callable[[Findings], Iterable[tuple[Part, float]]],
        *,
        metadata: Metadata = NO_METADATA,
        encoding: str | None = None,
        warnings: Iterable[str] = (),
    ) -> None:
        self.source = source
        self.what = what
        self.metadata = metadata
        self.encoding = encoding
        self.warnings = list(warnings)
        self._parts = parts
        self._progress = 0.0

    def pages(self, findings: Findings) -> Iterator[Page]:
        """Yield the parts that have text; a long one comes in blocks. Raises InputError for a broken file."""
        self._progress = 0.0
        number = 0
        with explained(self.source, self.what):
            parts = iter(self._parts(findings))
        while True:
            with explained(self.source, self.what):
                part, share = next(parts, (None, 1.0))
            if part is None:
                break
            self._progress = share
            start = 0
            for block in cut_blocks([part.text]):
                if text := block.rstrip():
                    number += 1
                    yield Page(text, number, None, part.heading, part.location, marks_within(part, start, len(block)))
                start += len(block)
        self._progress = 1.0

    def progress(self) -> float:
        """Return the share of the source that the pages given so far cover, 0 to 1."""
        return self._progress


def marks_within(part: Part, start: int, length: int) -> tuple[tuple[int, Location], ...]:
    """Return the marks of a piece of a part, the first at its beginning."""
    before = [place for at, place in part.marks if at <= start][-1:]
    inside = [(at - start, place) for at, place in part.marks if start < at < start + length]
    return tuple([(0, place) for place in before] + inside)


@contextmanager
def explained(source: Source, what: str) -> Iterator[None]:
    """Turn whatever a library raises over a broken file into one line; what is no fault of the file passes."""
    try:
        yield
    except (FreqkvError, MemoryError):
        raise
    except BaseException as error:
        # A panic in a library that is written in Rust is no Exception.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        source.check_unchanged()
        raise InputError(f"{source.label} is a broken {what} ({reason(error)}): get it again") from None


def joined(lines: Iterable[tuple[str, Location]], heading: str | None = None) -> Part | None:
    """Return lines as one part in which each has its place, None for no lines."""
    texts: list[str] = []
    marks: list[tuple[int, Location]] = []
    length = 0
    for text, place in lines:
        if cleaned := clean(text).strip():
            if marks:
                length += 1
            texts.append(cleaned)
            marks.append((length, place))
            length += len(cleaned)
    if not marks:
        return None
    whole = marks[0][1].to(marks[-1][1])
    return Part("\n".join(texts), replace(whole, heading=whole.heading or heading), heading, tuple(marks))
