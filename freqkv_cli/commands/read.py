"""freqkv read"""

from pathlib import Path
from typing import Annotated

import typer

from freqkv_cli.commands.options import QUESTION_ONLY, SUMMARY_ONLY, DryRun, takes_settings
from freqkv_cli.commands.running import Task, counting, loading, run
from freqkv_cli.commands.sources import sources_meant
from freqkv_cli.config import Output, Settings

USAGE = "freqkv read FILE... -o STATE (or pipe one in), freqkv read --help"


@takes_settings(*SUMMARY_ONLY, *QUESTION_ONLY)
def read(
    ctx: typer.Context,
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SOURCE]...", help="Documents; - or nothing is stdin.", show_default=False),
    ] = None,
    target: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="The state; without it the cache folder keeps it alone."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", "-f", help="Overwrite a file that is not a state.")] = False,
    dry_run: DryRun = False,
    *,
    settings: Settings,
    output: Output,
) -> None:
    """Read documents once and keep the state, which ask, summarize and chat take in their place.

    freqkv read book.pdf -o book.freqkv

    freqkv ask book.freqkv "Who is Mr Darcy?"
    """
    paths = sources_meant(sources, USAGE)

    def load() -> Task:
        if dry_run:
            return counting(settings)
        from freqkv_cli.states import read

        return lambda documents: read.read(documents, settings, target, force=force)

    run(ctx, loading(settings), paths, settings, output, load)
