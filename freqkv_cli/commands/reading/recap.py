"""freqkv recap"""

from typing import Annotated

import typer

from freqkv_cli.commands.options import QUESTION_ONLY, takes_settings
from freqkv_cli.commands.running import Task, loading, run
from freqkv_cli.commands.sources import sources_meant
from freqkv_cli.config import Output, Settings
from freqkv_cli.errors import UsageError

USAGE = 'freqkv recap BOOK --until "chapter 12", freqkv recap --help'


@takes_settings(*QUESTION_ONLY)
def recap(
    ctx: typer.Context,
    sources: Annotated[
        list[str] | None, typer.Argument(metavar="[BOOK]", help="The book; - or nothing is stdin.", show_default=False)
    ] = None,
    *,
    settings: Settings,
    output: Output,
) -> None:
    """Tell what happened so far, and nothing of what comes then.

    freqkv recap book.epub --until "chapter 12"

    freqkv recap book.epub --from "chapter 9" --until "chapter 12"
    """
    if settings.until is None:
        raise UsageError(f"recap does not know how far you are: {USAGE}")
    paths = sources_meant(sources, USAGE)

    def load() -> Task:
        from freqkv_cli.summarizing import summarize

        return lambda documents: summarize.summarize(documents, settings)

    run(ctx, loading(settings), paths, settings, output, load)
