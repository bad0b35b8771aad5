"""One run of training: what it was asked for, what it needs, where it stands, and what it leaves."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from freqkv_cli.measurement.subject import Subject
from freqkv_cli.models.adapter import AdapterManifest, whole_file
from freqkv_cli.training.adapter_folder import write_adapter
from freqkv_cli.training.checkpoint import Curve, write_checkpoint
from freqkv_cli.training.recipe import Recipe
from freqkv_cli.training.sequences import Sample
from freqkv_cli.training.trainer import Position, Trainer

CURVE = "curve.jsonl"


@dataclass(frozen=True, slots=True)
class Job:
    """What was asked for: texts and the folder of the adapter, beside the recipe."""

    texts: Sequence[str]
    target: Path
    recipe: Recipe
    validation: str | None = None
    resume: bool = False


@dataclass(slots=True)
class Run:
    """One run: what it needs, where it stands, the losses on the way there, and why it ended."""

    job: Job
    recipe: Recipe
    subject: Subject
    lora: Any
    trainer: Trainer
    held_out: list[Sample]
    manifest: AdapterManifest
    position: Position = field(default_factory=Position)
    curve: Curve = field(default_factory=list)
    finish_reason: str = "stop"

    @property
    def what(self) -> dict[str, Any]:
        """All that must be the same when this run goes on."""
        manifest = self.manifest
        return {
            **self.recipe.lasting(),
            **asdict(manifest.cache),
            "base": manifest.base,
            "data": manifest.training["data"],
            "dtype": self.subject.loaded.dtype,
            "quant": self.subject.loaded.quant,
            "chunk": self.subject.chunk,
        }


def save(run: Run) -> None:
    """Write the checkpoint, then the losses and the adapter as it is now."""
    position, recipe = run.position, run.recipe
    write_checkpoint(run.job.target, run.trainer, position, run.curve, run.what)
    with whole_file(run.job.target / CURVE) as draft:
        draft.write_text("".join(json.dumps(point) + "\n" for point in run.curve), encoding="utf-8")
    told = {
        "steps": position.step,
        "tokens": position.tokens,
        "seconds": round(position.seconds, 1),
        "validation_loss_before": position.validation_before,
        "validation_loss": position.validation,
        **asdict(recipe),
    }
    manifest = replace(run.manifest, training={**told, **run.manifest.training, "steps": position.step})
    write_adapter(run.job.target, run.subject.loaded.model, run.lora, manifest)
