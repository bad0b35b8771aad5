"""Run a batch: what is not done yet is done, by this process or by several, and each row is kept as it comes."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from freqkv_cli.batch.jobs import BatchJob, Demand
from freqkv_cli.batch.results import Results
from freqkv_cli.batch.shared_model import SharedModel
from freqkv_cli.batch.tally import Tally
from freqkv_cli.batch.work import failed, work_on
from freqkv_cli.config import Settings
from freqkv_cli.errors import MemoryLimitError
from freqkv_cli.events import Answered, Done, Event, Note, Progress
from freqkv_cli.models.memory import readable
from freqkv_cli.reading.memory_usage import process_bytes
from freqkv_cli.reading.plan import make_plan
from freqkv_cli.reading.report import SCHEMA_VERSION


@dataclass(frozen=True, slots=True)
class Left:
    """A job, the name of its document, and what of it is not done yet."""

    job: BatchJob
    name: str
    demands: tuple[Demand, ...]


def run_batch(
    jobs: Iterable[BatchJob], settings: Settings, results: Results, workers: int = 1, *, on_ray: bool = False
) -> Iterator[Event]:
    """Do all jobs and write their rows into `results`; the report at the end counts them.

    A document that fails is a row and not the end. Raises KeyboardInterrupt when it was stopped, with a checkpoint of
    the document at hand; MemoryLimitError where `workers` cannot fit, ModelError and UsageError for the model.
    `on_ray`: the workers are actors of a Ray cluster.
    """
    chosen = list(jobs)
    tally = Tally.of(chosen)
    left: list[Left] = []
    skipped = 0
    for job in chosen:
        try:
            name = job.name
        except (OSError, ValueError) as error:  # it is not there: its path is all that it is known by
            name = job.path
            for demand in job.demands:
                if not results.has(name, demand):
                    row = failed(job, name, demand, error)
                    results.add(row)
                    tally.add(row)
            tally.finish(job)
            continue
        demands = tuple(demand for demand in job.demands if not results.has(name, demand))
        skipped += len(job.demands) - len(demands)
        if demands:
            left.append(Left(job, name, demands))
        else:
            tally.finish(job)
    if skipped:
        yield Note(
            f"{skipped:,} of {skipped + sum(len(one.demands) for one in left):,} rows are there already", wanted=True
        )
    if left:
        events: Iterable[tuple[Left, Event | None]]
        if on_ray:
            from freqkv_cli.batch.ray_engine import over_ray

            events = over_ray(left, settings, workers)
        elif workers > 1:
            yield from require_room(settings, workers)
            from freqkv_cli.batch.workers import spread

            events = spread(left, settings, workers)
        else:
            events = alone(left, settings)
        for one, event in events:
            if event is None:
                tally.finish(one.job)
            elif isinstance(event, Answered):
                results.add(event.report)
                tally.add(event.report)
                if event.report["status"] != "ok":
                    yield Note(f"{one.job.path}: {event.report['message']}", warning=True)
            elif isinstance(event, Progress):
                yield tally.progress(one.job, event)
            else:
                yield event
    yield Done(report_of(tally, skipped, results))


def alone(left: Sequence[Left], settings: Settings) -> Generator[tuple[Left, Event | None], None, None]:
    """Do what is left in this process; None is the end of a document."""
    model = SharedModel(settings)
    for one in left:
        for event in work_on(one.job, one.name, one.demands, model):
            yield one, event
        yield one, None


def require_room(settings: Settings, workers: int) -> Generator[Event, None, None]:
    """Raise MemoryLimitError where so many processes do not fit; weights that stay in their file are held once."""
    plan = yield from make_plan(settings)
    if plan.place.device != "cpu":
        return  # each process looks at its own GPU
    mapped = plan.place.quant == "gguf"
    each = process_bytes() + plan.estimate.cache + plan.estimate.activations
    needed = each * workers + plan.estimate.weights * (1 if mapped else workers)
    if needed > plan.available:
        raise MemoryLimitError(
            f"{workers} workers need about {readable(needed)} ({readable(each)} each, weights "
            f"{readable(plan.estimate.weights)} {'once' if mapped else 'each'}), {readable(plan.available)} free: give "
            "fewer --workers, or a smaller --model or --cache-size"
        )


def report_of(tally: Tally, skipped: int, results: Results) -> dict[str, Any]:
    """Return the report: how much was done in this run, and how all rows of the file stand."""
    return {
        "schema_version": SCHEMA_VERSION,
        "command": "batch",
        "finish_reason": "stop",
        "documents": tally.documents,
        "rows": tally.rows,
        "failed": tally.failed,
        "skipped": skipped,
        "rows_in_file": len(results.status),
        "failed_in_file": sum(state != "ok" for state in results.status.values()),
        "tokens_read": tally.tokens,
    }
