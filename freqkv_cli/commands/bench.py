"""freqkv bench: measure this machine, alone or against other programs."""

from pathlib import Path
from typing import Annotated

import typer

from freqkv_cli.commands.options import QUESTION_ONLY, SUMMARY_ONLY, takes_settings
from freqkv_cli.commands.running import Task, run
from freqkv_cli.config import Output, Settings, parse_size
from freqkv_cli.errors import UsageError

NOT_FOR_BENCH = (
    *("policy", "temperature", "top_p", "top_k", "min_p", "repetition_penalty", "stream", "start", "until"),
    *SUMMARY_ONLY,
    *QUESTION_ONLY,
)
WRITTEN = 32  # tokens at each depth, unless --max-tokens says otherwise


@takes_settings(*NOT_FOR_BENCH)
def bench(
    ctx: typer.Context,
    documents: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FILE]...", help="What is read; made-up sentences if nothing.", show_default=False),
    ] = None,
    depths: Annotated[
        str, typer.Option("--depths", metavar="SIZES", help="Measure after so many tokens read: 1k,4k,16k.")
    ] = "2k,6k,30k",
    policies: Annotated[
        str, typer.Option("--policies", metavar="NAMES", help="Ways to keep the cache (docs/policies.md).")
    ] = "freqkv,window,full",
    against: Annotated[
        list[str] | None,
        typer.Option(
            "--against",
            metavar="NAME",
            help="Take turns with llama.cpp or transformers (its own cache, which keeps everything).",
        ),
    ] = None,
    repetitions: Annotated[int, typer.Option("--repetitions", metavar="N", min=1, help="Turns of each.")] = 3,
    shape: Annotated[
        str | None,
        typer.Option(
            "--random-weights",
            metavar="SHAPE",
            help="A model of random weights: llama-3.1-8b, llama-3.2-1b, qwen3-8b, smollm2 or tiny.",
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE", help="Draw memory and speed by depth into a .png or .svg."),
    ] = None,
    *,
    settings: Settings,
    output: Output,
) -> None:
    """Measure reading, writing and memory of this machine by depth.

    freqkv bench --against llama.cpp --against transformers

    All that is compared takes turns in one run. --max-tokens is how much is written at each depth.
    """
    sizes, names, rivals = read_depths(depths), words(policies), [name for one in against or () for name in words(one)]

    def load() -> Task:
        from freqkv_cli.benchmarks.bench import bench as measure
        from freqkv_cli.benchmarks.options import BenchOptions

        options = BenchOptions(
            depths=sizes,
            policies=names,
            against=tuple(dict.fromkeys(rivals)),
            repetitions=repetitions,
            written=settings.max_tokens or WRITTEN,
            shape=shape,
            plot=plot,
        )
        return lambda opened: measure(opened, settings, options)

    run(ctx, "loading", documents or [], settings, output, load)


def read_depths(text: str) -> tuple[int, ...]:
    """Return the depths in tokens, rising. Raises UsageError for what is no list of sizes."""
    try:
        return tuple(sorted({parse_size(size) for size in words(text)}))
    except ValueError as error:
        raise UsageError(f"--depths {error}") from None


def words(text: str) -> tuple[str, ...]:
    """Return the parts of a list with commas."""
    return tuple(dict.fromkeys(part for part in text.replace(" ", "").split(",") if part))
