"""What came of a run, for people and as JSON."""

import math
from collections.abc import Iterator
from dataclasses import asdict

from freqkv_cli.events import Done, Event, Note, Text
from freqkv_cli.measurement.environment import environment
from freqkv_cli.reading.memory_usage import peak_gpu_bytes, peak_process_bytes
from freqkv_cli.training.job import Run
from freqkv_cli.training.trainer import Position


def result(run: Run) -> Iterator[Event]:
    """Say what came of it: on stdout the folder and the losses, in the report everything."""
    position, recipe, target = run.position, run.recipe, run.job.target
    if run.finish_reason == "interrupted":
        yield Note(
            f"stopped after step {position.step} of {recipe.steps}; the checkpoint is in {target}: give the same "
            "command with --resume to go on",
            wanted=True,
        )
    yield Text(f"{target}: {position.step} steps, {position.tokens:,} tokens{gain(position)}\n")
    yield Done(
        {
            "schema_version": 1,
            "command": "train",
            "finish_reason": run.finish_reason,
            "adapter": str(target),
            "tokens_trained": position.tokens,
            "steps": position.step,
            "validation": {"before": position.validation_before, "after": position.validation},
            "recipe": asdict(recipe),
            "policy": run.manifest.cache.policy,
            "environment": environment(run.subject.loaded.device),
            **run.subject.as_json(),
            "timing": {
                "train_s": round(position.seconds, 3),
                "train_tokens_per_second": round(position.tokens / position.seconds, 1) if position.seconds else None,
            },
            "memory": {"peak_rss_bytes": peak_process_bytes(), "gpu_peak_bytes": peak_gpu_bytes()},
            "training": run.manifest.training,
        }
    )


def gain(position: Position) -> str:
    """How the held-out text's perplexity has changed, in words; empty without one."""
    before, after = position.validation_before, position.validation
    if before is None or after is None:
        return ""
    return f", held-out perplexity {math.exp(before):.2f} -> {math.exp(after):.2f}"
