"""A benchmark under way, and its report at any moment."""

from dataclasses import dataclass, field
from typing import Any

from freqkv_cli.benchmarks.choice import OWN, RIVALS, BenchOptions
from freqkv_cli.benchmarks.figures import label, ratios, reader_figures
from freqkv_cli.benchmarks.runs import REQUEST, Pass
from freqkv_cli.measurement.environment import environment
from freqkv_cli.measurement.subject import Subject


@dataclass(slots=True)
class BenchState:
    """passes: by reader. skipped: depths beyond a reader's limit. rivals: what other programs say of themselves."""

    choice: BenchOptions
    subject: Subject
    source: dict[str, Any]
    memory: dict[str, int]
    passes: dict[str, list[Pass]] = field(default_factory=dict)
    skipped: dict[str, list[str]] = field(default_factory=dict)
    rivals: dict[str, Any] = field(default_factory=dict)
    start: dict[str, float] | None = None
    tokens_read: int = 0
    finish_reason: str = "stop"

    def as_json(self, seconds: float) -> dict[str, Any]:
        """Return the report. A reader that has reached no depth yet is left out."""
        choice = self.choice
        readers = {}
        for name, passes in self.passes.items():
            reached = [depth for depth in choice.depths if any(one.at(depth) for one in passes)]
            if reached:
                readers[name] = reader_figures(passes, reached)
        own = readers.get(OWN)
        compared = {name: readers[RIVALS[name]] for name in choice.against if RIVALS[name] in readers}
        return {
            "schema_version": 1,
            "command": "bench",
            "finish_reason": self.finish_reason,
            "environment": environment(self.subject.loaded.device),
            **self.subject.as_json(),
            "source": self.source,
            "depths": [label(depth) for depth in choice.depths],
            "repetitions": choice.repetitions,
            "request_tokens": REQUEST,
            "written_tokens": choice.written,
            "start": self.start,
            "memory": self.memory,
            "readers": readers,
            "skipped": self.skipped,
            "against": {name: ratios(own, theirs) for name, theirs in compared.items()} if own else {},
            "rivals": self.rivals,
            "tokens_read": self.tokens_read,
            "timing": {"total_s": round(seconds, 3)},
        }
