"""freqkv count"""

from typing import Annotated

import typer

from freqkv_cli.commands.options import QUESTION_ONLY, SUMMARY_ONLY, takes_settings
from freqkv_cli.commands.running import counting, run
from freqkv_cli.commands.sources import sources_meant
from freqkv_cli.config import Output, Settings

USAGE = "freqkv count FILE... (or pipe one in), freqkv count --help"


@takes_settings(*SUMMARY_ONLY, *QUESTION_ONLY)
def count(
    ctx: typer.Context,
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SOURCE]...", help="Documents; - or nothing is stdin.", show_default=False),
    ] = None,
    *,
    settings: Settings,
    output: Output,
) -> None:
    """Count tokens and pages, and estimate time and memory. No weights are loaded."""
    paths = sources_meant(sources, USAGE)

    run(ctx, "counting tokens", paths, settings, output, lambda: counting(settings))
