"""Batches on a cluster: a class for Ray Data's `map_batches`, and `freqkv batch --engine ray`, which runs on it.

    ds = ray.data.read_json("documents.jsonl")     # with a column path, and perhaps id, questions, task
    ds = ds.map_batches(
        BatchReader, fn_constructor_kwargs={"questions": ["Who signed?"], "model": "qwen2.5-coder-0.5b"},
        batch_size=1, compute=ray.data.ActorPoolStrategy(size=8),
    )
    ds.write_json("out/")                                           # one row for every document and task

Ray starts an actor that has died anew and gives its documents out again; what the task had not ended leaves no row.
"""

import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from freqkv_cli.batch.jobs import ASK, SUMMARIZE, BatchJob, Demand, job_from_json, job_of
from freqkv_cli.batch.shared_model import SharedModel
from freqkv_cli.batch.work import failed, work_on
from freqkv_cli.config import Settings, parse_setting
from freqkv_cli.errors import UsageError
from freqkv_cli.events import Answered, Event

if TYPE_CHECKING:
    from freqkv_cli.batch.run import Left

COLUMNS = ("id", "path", "task", "question", "status", "text", "row")
MOST_BLOCKS = 10_000  # of Ray Data; a document each, as long as there are no more


class BatchReader:
    """An actor with one model. It takes a batch of columns and gives one: a row for every document and task, of which
    `row` is the JSON of `freqkv batch` and the other columns are parts of it.
    """

    def __init__(self, questions: Sequence[str] = (), summarize: bool = False, **settings: Any) -> None:
        self.demands = [*[Demand(SUMMARIZE)] * summarize, *(Demand(ASK, one) for one in questions)]
        chosen = {name: parse_setting(name, value) for name, value in settings.items()}
        self.model = SharedModel(Settings(**chosen))

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, list[Any]]:
        """Read the documents of a batch one after another."""
        rows: list[dict[str, Any]] = []
        for values in zip(*batch.values(), strict=True):
            rows += self.rows_of(dict(zip(batch, values, strict=True)))
        found: dict[str, list[Any]] = {name: [str(row.get(name) or "") for row in rows] for name in COLUMNS}
        return {**found, "row": [json.dumps(row, ensure_ascii=False) for row in rows]}

    def rows_of(self, given: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the rows of one document."""
        if "job" in given:  # of freqkv batch
            left = json.loads(str(given["job"]))
            job, name = job_from_json(left["job"]), left["name"]
            demands = tuple(Demand(**one) for one in left["demands"])
        else:
            wanted = {key: plain(value) for key, value in given.items() if plain(value) is not None}
            job = job_of(wanted, self.demands)
            demands = job.demands
            try:
                name = job.name
            except OSError as error:
                return [failed(job, job.path, demand, error) for demand in demands]
        events = work_on(job, name, demands, self.model)
        return [event.report for event in events if isinstance(event, Answered)]


def plain(value: Any) -> Any:
    """Return a value of numpy as one of Python."""
    return value.tolist() if hasattr(value, "tolist") else value


def over_ray(
    left: "Sequence[Left]", settings: Settings, count: int
) -> Generator[tuple["Left", Event | None], None, None]:
    """Let `count` actors do what is left; None is the end of a document. Raises UsageError where Ray is not there."""
    try:
        import ray
        import ray.data
    except ImportError:
        raise UsageError("--engine ray needs Ray Data: pip install 'freqkv[ray]'") from None
    if not ray.is_initialized():
        ray.init(log_to_driver=False, include_dashboard=False)  # or the cluster of $RAY_ADDRESS
    ray.data.DataContext.get_current().enable_progress_bars = False
    known = {one.name: one for one in left}
    items = [{"job": json.dumps(described(one.job, one.name, one.demands))} for one in left]
    on_gpus = settings.device != "cpu" and ray.cluster_resources().get("GPU", 0) > 0
    rows = ray.data.from_items(items, override_num_blocks=min(len(items), MOST_BLOCKS)).map_batches(
        BatchReader,
        fn_constructor_kwargs=asdict(settings),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=min(count, len(items))),
        num_gpus=1 if on_gpus else None,
    )
    missing = {one.name: len(one.demands) for one in left}
    for row in rows.iter_rows():
        one = known[row["id"]]
        yield one, Answered(json.loads(row["row"]))
        missing[one.name] -= 1
        if not missing[one.name]:
            yield one, None


def described(job: BatchJob, name: str, demands: Sequence[Demand]) -> dict[str, Any]:
    """Return what an actor must know of a job."""
    return {"job": job.as_json(), "name": name, "demands": [asdict(demand) for demand in demands]}
