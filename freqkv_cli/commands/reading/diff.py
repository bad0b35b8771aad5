"""freqkv diff"""

from typing import Annotated

import typer

from freqkv_cli.commands.options import DESCRIBED, DOCUMENT, OUTPUT_ONLY, takes_settings
from freqkv_cli.commands.running import Task, run
from freqkv_cli.config import Output, Settings, setting_types
from freqkv_cli.errors import UsageError

USAGE = "freqkv diff OLD NEW, freqkv diff --help"
OPENING = [name for name, described in DESCRIBED.items() if described.panel == DOCUMENT]
NOT_FOR_DIFF = {"start", "until", "recursive"} | (set(setting_types()) - {*OPENING, *OUTPUT_ONLY})


@takes_settings(*NOT_FOR_DIFF)
def diff(
    ctx: typer.Context,
    sources: Annotated[
        list[str] | None, typer.Argument(metavar="OLD NEW", help="Two versions of a document.", show_default=False)
    ] = None,
    *,
    settings: Settings,
    output: Output,
) -> None:
    """Tell by sections what changed between two versions of a document.

    freqkv diff contract-2025.pdf contract-2026.pdf

    No model is needed: sentences are compared as they stand.
    """
    paths = list(sources or [])
    if len(paths) != 2:
        raise UsageError(f"two documents are compared, not {len(paths)}: {USAGE}")

    def load() -> Task:
        from freqkv_cli.comparing.diff import diff as compare

        return lambda documents: compare(documents[0], documents[1])

    run(ctx, "comparing", paths, settings, output, load)
