"""The tally of a batch: documents done, failed and left, tokens, and how long it will take; for the progress."""

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from freqkv_cli.batch.jobs import BatchJob
from freqkv_cli.events import Progress


@dataclass(slots=True)
class Tally:
    """Counts rows and tokens. Documents differ in length, so what is left goes by their bytes."""

    documents: int
    sizes: dict[str, int]
    done: int = 0
    rows: int = 0
    failed: int = 0
    tokens: int = 0
    bytes: int = 0
    began: float = field(default_factory=time.perf_counter)
    _under_way: dict[str, Progress] = field(default_factory=dict)

    @classmethod
    def of(cls, jobs: Sequence[BatchJob]) -> "Tally":
        """Return the tally of jobs of which nothing is done yet."""
        sizes = {}
        for job in jobs:
            with suppress(OSError, ValueError):
                sizes[job.path] = os.path.getsize(job.path)
        return cls(len(jobs), sizes)

    def add(self, row: dict[str, Any]) -> None:
        """Count a row."""
        self.rows += 1
        self.failed += row["status"] != "ok"

    def finish(self, job: BatchJob) -> None:
        """Count a document of which all is done."""
        self.done += 1
        self.bytes += self.sizes.get(job.path, 0)
        last = self._under_way.pop(job.path, None)
        self.tokens += last.tokens_done if last else 0

    def progress(self, job: BatchJob, event: Progress) -> Progress:
        """Return the progress of all from that of one document."""
        if event.phase == "loading":
            return event
        if event.phase == "reading":
            self._under_way[job.path] = event
        under_way = self._under_way.values()
        tokens = self.tokens + sum(one.tokens_done for one in under_way)
        read = self.bytes + sum(
            self.sizes.get(path, 0) * min(1.0, one.tokens_done / one.tokens_total)
            for path, one in self._under_way.items()
            if one.tokens_total
        )
        share = read / max(1, sum(self.sizes.values()))
        seconds = time.perf_counter() - self.began
        left = f", {self.failed} failed" if self.failed else ""
        return replace(
            event,
            phase="reading",
            source=job.path,
            detail=f"{self.done:,} of {self.documents:,} documents{left}",
            page=None,
            tokens_done=tokens,
            tokens_total=round(tokens / share) if share else None,
            total_is_exact=False,
            seconds=seconds,
            tokens_per_second=sum(one.tokens_per_second for one in under_way),
            eta_seconds=seconds * (1 - share) / share if share > 0.01 else None,
        )
