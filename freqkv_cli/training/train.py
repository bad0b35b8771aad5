"""freqkv train: an adapter with which a model reads better from its filtered cache.

texts -> windows -> trainer.step [make_room -> forward a chunk -> loss] -> gradients across compressions -> adapter
"""

import math
import time
from collections.abc import Iterator
from dataclasses import replace

from freqkv_cli.config import Settings
from freqkv_cli.errors import MemoryLimitError, UsageError
from freqkv_cli.events import Event, Note, Progress
from freqkv_cli.measurement.reading_progress import reading_progress
from freqkv_cli.models.lazy_imports import import_everything
from freqkv_cli.models.memory import is_out_of_memory
from freqkv_cli.reading.memory_usage import gpu_bytes, process_bytes
from freqkv_cli.training.job import Job, Run, save
from freqkv_cli.training.preparing import check_target, prepare
from freqkv_cli.training.result import result
from freqkv_cli.training.trainer import shielded

KNOBS = "use --checkpoint-chunks, or a smaller --length, --cache-size or --model"


def train(settings: Settings, job: Job) -> Iterator[Event]:
    """Train, and yield the outcome as Text and the report. An interrupt leaves a checkpoint for --resume.

    Raises UsageError, InputError, NoTextError, ModelError, MemoryLimitError, StateError.
    """
    check_target(job)
    import_everything()
    run = yield from prepare(settings, job)
    try:
        yield from learn(run)
    except KeyboardInterrupt:
        run.finish_reason = "interrupted"
        with shielded():
            save(run)
    except Exception as error:
        if is_out_of_memory(error):
            raise MemoryLimitError(f"memory ran out while training: {KNOBS}") from error
        raise
    yield from result(run)


def learn(run: Run) -> Iterator[Event]:
    """Train up to the last step; the checkpoint and the adapter are written now and then, and at the end."""
    recipe = run.recipe
    while True:
        step = run.position.step
        last = step >= recipe.steps
        if run.held_out and run.position.validated != step and (last or step % recipe.validate_every == 0):
            yield from validate(run)
        if last or (step and step % recipe.save_every == 0):
            with shielded():
                save(run)
        if last:
            return
        yield progress(run, advance(run))


def advance(run: Run) -> float:
    """Make one step and return its loss. An interrupt leaves weights and position as they were, or both moved on."""
    began, number = time.perf_counter(), run.position.step
    loss, tokens = run.trainer.measure(number)
    if not math.isfinite(loss):
        raise UsageError(f"the loss of step {number + 1} is {loss}: start anew with a smaller --lr")
    with shielded():
        run.trainer.move(number)
        before = run.position
        run.position = replace(
            before,
            step=number + 1,
            tokens=before.tokens + tokens,
            seconds=before.seconds + time.perf_counter() - began,
        )
        rate = run.recipe.learning_rate(number)
        run.curve.append({"step": number + 1, "tokens": run.position.tokens, "loss": loss, "rate": rate})
    return loss


def validate(run: Run) -> Iterator[Event]:
    """Measure the held-out sequences, and note it in the curve."""
    position, done, nats, targets = run.position, 0, 0.0, 0.0
    total = sum(len(sample.ids) for sample in run.held_out)
    began = time.perf_counter()
    for sample, (loss, count) in zip(run.held_out, run.trainer.validate(run.held_out), strict=True):
        nats, targets, done = nats + loss, targets + count, done + len(sample.ids)
        source = f"step {position.step} of {run.recipe.steps}: held-out text"
        yield reading_progress(source, done, total, began, "training")
    loss = nats / targets
    before = loss if position.validation_before is None else position.validation_before
    with shielded():
        run.position = replace(position, validated=position.step, validation=loss, validation_before=before)
        run.curve.append({"step": position.step, "tokens": position.tokens, "validation": loss})
    yield Note(f"step {position.step}: held-out loss {loss:.4f}, perplexity {math.exp(loss):.2f}", wanted=True)


def progress(run: Run, loss: float) -> Progress:
    """Where the run stands."""
    position, steps = run.position, run.recipe.steps
    total = round(position.tokens * steps / position.step)
    return replace(
        reading_progress(
            run.job.target.name, position.tokens, total, time.perf_counter() - position.seconds, "training"
        ),
        detail=f"step {position.step}/{steps}  loss {loss:.3f}",
        process_bytes=process_bytes(),
        gpu_bytes=gpu_bytes(),
    )
