"""Workers: processes that each hold a model and take one document after another; the weights of a mapped file are held
once for all of them.

A worker that dies (of memory, of a broken library) is replaced, and its document is given out once more; the second
time it is a row that says so.
"""

import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import TYPE_CHECKING

from freqkv_cli.batch.work import failed
from freqkv_cli.config import Settings
from freqkv_cli.errors import FreqkvError
from freqkv_cli.events import Answered, Event, Progress

if TYPE_CHECKING:
    from freqkv_cli.batch.run import Left

TRIES = 2  # of a document whose worker died
PATIENCE = 30.0  # seconds in which workers write their checkpoints once they are told to end
SELDOM = 0.2  # seconds between two progress events of a worker


class Worker:
    """A process, the pipe to it, and the document it has."""

    def __init__(self, settings: Settings, number: int, count: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.number = number
        self.pipe, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(target=serve, args=(theirs, settings, number, count), daemon=True)
        self.process.start()
        theirs.close()
        self.left: Left | None = None

    def give(self, left: "Left") -> None:
        """Give it a document."""
        self.left = left
        self.pipe.send(left)


def spread(
    left: "Sequence[Left]", settings: Settings, count: int
) -> Generator[tuple["Left", Event | None], None, None]:
    """Let `count` processes do what is left, each the next document; None is the end of one.

    Raises FreqkvError where a worker cannot load the model.
    """
    waiting = deque(left)
    tries: dict[str, int] = {}
    count = min(count, len(waiting))
    workers = [Worker(settings, number, count) for number in range(count)]
    try:
        for worker in workers:
            worker.give(waiting.popleft())
        while busy := [worker for worker in workers if worker.left is not None]:
            for pipe in wait([worker.pipe for worker in busy]):
                worker = next(one for one in busy if one.pipe is pipe)
                one = worker.left
                assert one is not None
                try:
                    said = worker.pipe.recv()
                except (EOFError, OSError):
                    worker.process.join(PATIENCE)
                    tries[one.name] = tries.get(one.name, 0) + 1
                    if tries[one.name] < TRIES:
                        waiting.appendleft(one)
                    else:
                        died = ChildProcessError(f"its worker died ({worker.process.exitcode}) {TRIES} times")
                        for demand in one.demands:
                            yield one, Answered(failed(one.job, one.name, demand, died))
                        yield one, None
                    workers[workers.index(worker)] = worker = Worker(settings, worker.number, count)
                    said = None
                else:
                    if isinstance(said, FreqkvError):
                        raise said
                    yield one, said
                if said is None:
                    worker.left = None
                    if waiting:
                        worker.give(waiting.popleft())
    finally:
        end(workers)


def end(workers: Sequence[Worker]) -> None:
    """Let the workers write their checkpoints and end; kill those that do not."""
    for worker in workers:
        if worker.left is not None:
            worker.process.terminate()
        worker.pipe.close()
    deadline = time.monotonic() + PATIENCE
    for worker in workers:
        worker.process.join(max(0.0, deadline - time.monotonic()))
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()


def serve(pipe: Connection, settings: Settings, number: int, count: int) -> None:
    """What a worker does: take a document, send its events and None at the end, until the pipe is closed."""
    settings = share_machine(settings, number, count)
    listen()
    from freqkv_cli.batch.shared_model import SharedModel
    from freqkv_cli.batch.work import work_on

    model = SharedModel(settings)
    last = 0.0
    try:
        while True:
            left = pipe.recv()
            for event in work_on(left.job, left.name, left.demands, model):
                if isinstance(event, Progress):
                    if time.monotonic() - last < SELDOM:
                        continue
                    last = time.monotonic()
                pipe.send(event)
            pipe.send(None)
    except FreqkvError as error:  # the model: no document can be read
        pipe.send(error)
    except (EOFError, OSError, KeyboardInterrupt):
        pass  # the batch has ended, or was stopped


def share_machine(settings: Settings, number: int, count: int) -> Settings:
    """Take this worker's share of the cores; return settings with its own GPU where there are several."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, str(max(1, cores // count)))
    import torch

    torch.set_num_threads(max(1, cores // count))
    if settings.device in ("auto", "cuda") and torch.cuda.device_count() > 1:
        return replace(settings, device=f"cuda:{number % torch.cuda.device_count()}")
    return settings


def listen() -> None:
    """Turn the first signal to end into KeyboardInterrupt, on which a checkpoint is written."""
    told: list[int] = []

    def stop(signum: int, frame: FrameType | None) -> None:
        if not told:
            told.append(signum)
            raise KeyboardInterrupt

    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, stop)
