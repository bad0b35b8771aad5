"""Page ranges: what `--pages 1-20,35,40-` selects."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from freqkv_cli.errors import UsageError

SPAN = re.compile(r"([0-9]{1,9})(?:(-)([0-9]{1,9})?)?")


@dataclass(frozen=True, slots=True)
class PageRange:
    """Pages to read, as written: spans of 1-based numbers, both ends included; an end of None is the last page."""

    spans: tuple[tuple[int, int | None], ...]

    @classmethod
    def parse(cls, written: str) -> "PageRange":
        """Return the range written as "1-20,35,40-"; raise UsageError for anything else."""
        spans: list[tuple[int, int | None]] = []
        for part in written.split(","):
            match = SPAN.fullmatch(part.strip())
            if match is None:
                raise UsageError(f"page range {written!r} is not understood: write it like 1-20,35,40-")
            first, last = int(match[1]), int(match[3]) if match[3] else None
            if match[2] is None:
                last = first
            if first == 0:
                raise UsageError(f"page range {written!r}: pages are counted from 1")
            if last is not None and last < first:
                raise UsageError(f"page range {written!r}: {first}-{last} runs backwards, write {last}-{first}")
            spans.append((first, last))
        return cls(tuple(spans))

    def numbers(self, page_count: int, label: str) -> list[int]:
        """Return the selected numbers, ascending and each once; raise UsageError for one that `label` does not have."""
        selected: set[int] = set()
        for first, last in self.spans:
            for bound in (first, last or first):
                if bound > page_count:
                    raise UsageError(f"page {bound} does not exist: {label} has pages 1-{page_count}")
            selected.update(range(first, (last or page_count) + 1))
        return sorted(selected)


def compress(numbers: Iterable[int]) -> str:
    """Return page numbers as people write them: [3, 4, 5, 9] is "3-5, 9"."""
    spans: list[list[int]] = []
    for number in sorted(set(numbers)):
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)
