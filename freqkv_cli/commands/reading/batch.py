"""freqkv batch"""

import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Annotated, Literal

import typer

from freqkv_cli.commands.interrupts import invocation
from freqkv_cli.commands.options import takes_settings
from freqkv_cli.commands.running import follow, loading
from freqkv_cli.commands.sources import STDIN, opened_questions
from freqkv_cli.config import Output, Settings
from freqkv_cli.errors import UsageError
from freqkv_cli.terminal.display import open_display

USAGE = "freqkv batch FILE... --summarize -o OUT.jsonl, freqkv batch --help"
NOT_FOR_BATCH = ("pin_question", "password_file", "stream", "prompt_file", "show_passages", "recursive", "allow_net")


@takes_settings(*NOT_FOR_BATCH)
def batch(
    ctx: typer.Context,
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SOURCE]...",
            help="Files, patterns and folders; - is a list on stdin: paths, or JSON objects with path and perhaps id, "
            "questions, task and options.",
            show_default=False,
        ),
    ] = None,
    target: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="One JSON object a line is appended, as soon as it is there."
        ),
    ] = None,
    summary: Annotated[bool, typer.Option("--summarize", help="Summarise each document.")] = False,
    questions: Annotated[
        str | None, typer.Option("--ask", metavar="FILE", help="Questions that are put to each document, one a line.")
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try again what failed in an earlier run.")
    ] = False,
    shard: Annotated[
        str | None,
        typer.Option(
            "--shard", metavar="I/N", help="Only this part of the documents; in a SLURM array that of the task."
        ),
    ] = None,
    engine: Annotated[
        Literal["local", "ray"], typer.Option("--engine", help="Where the workers are: here, or on a Ray cluster.")
    ] = "local",
    workers: Annotated[int, typer.Option("--workers", min=1, help="Processes that read at the same time.")] = 1,
    *,
    settings: Settings,
    output: Output,
) -> None:
    """Read many documents, each for itself, and write one JSON line for every document and task.

    freqkv batch reports/ --summarize --ask questions.txt -o out.jsonl

    ls *.pdf | freqkv batch - --summarize -o out.jsonl --workers 2

    The same command goes on where it was stopped: what has a line is skipped.
    A document that cannot be read has a line that says so. Exit code 1 says
    that some failed.
    """
    given = list(sources or [])
    if target is None or not given:
        raise UsageError(f"no {'documents' if target else 'output file'}: {USAGE}")
    display = open_display("batch", output)
    with ExitStack() as stack:
        stack.enter_context(display)
        display.say(loading(settings))
        from freqkv_cli.batch.jobs import ASK, SUMMARIZE, Demand, Shard, jobs_of
        from freqkv_cli.batch.results import open_results
        from freqkv_cli.batch.run import run_batch

        demands = [Demand(SUMMARIZE)] * summary + ([Demand(ASK, one) for one in asked(questions)] if questions else [])
        if not demands and STDIN not in given:
            raise UsageError(f"nothing is wanted of the documents: add --summarize or --ask FILE; {USAGE}")
        part = Shard.parse(shard) if shard else Shard.of_slurm(dict(os.environ))
        lines: IO[bytes] | list[bytes] = sys.stdin.buffer if STDIN in given else []
        jobs = [job for job in jobs_of([one for one in given if one != STDIN], lines, demands) if part.holds(job)]
        if any(not job.demands for job in jobs):
            raise UsageError(f"nothing is wanted of some documents: add --summarize or --ask FILE; {USAGE}")
        results = stack.enter_context(open_results(part.file(target), retry_failed=retry_failed))
        follow(run_batch(jobs, settings, results, workers, on_ray=engine == "ray"), display, invocation(ctx))
    if display.report and display.report["failed_in_file"]:
        raise typer.Exit(1)


def asked(name: str) -> list[str]:
    """The questions of a file, one a line."""
    with opened_questions(name) as lines:
        found = [text for line in lines if (text := line.decode("utf-8", "replace").strip())]
    if not found:
        raise UsageError(f"there are no questions in {name}")
    return found
