"""freqkv summarize"""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from freqkv_cli.commands.options import QUESTION_ONLY, DryRun, takes_settings
from freqkv_cli.commands.running import Task, counting, loading, run
from freqkv_cli.commands.sources import sources_meant
from freqkv_cli.config import Output, Settings
from freqkv_cli.errors import InputError, UsageError

USAGE = "freqkv summarize FILE... (or pipe one in), freqkv summarize --help"


@takes_settings(*QUESTION_ONLY)
def summarize(
    ctx: typer.Context,
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SOURCE]...", help="Documents; - or nothing is stdin.", show_default=False),
    ] = None,
    dry_run: DryRun = False,
    *,
    settings: Settings,
    output: Output,
) -> None:
    """Read documents of any length and print a summary.

    freqkv summarize book.pdf

    freqkv summarize --length 100 chapter1.md chapter2.md

    cat notes.txt | freqkv summarize - --notes --format bullets
    """
    paths = sources_meant(sources, USAGE)
    if settings.prompt_file is not None:
        settings = replace(settings, prompt=read_prompt(settings.prompt_file), prompt_file=None)

    def load() -> Task:
        if dry_run:
            return counting(settings)
        from freqkv_cli.summarizing import summarize

        return lambda documents: summarize.summarize(documents, settings)

    run(ctx, loading(settings), paths, settings, output, load)


def read_prompt(path: str) -> str:
    """The text of a prompt file. Raises InputError when it cannot be read, UsageError when there is nothing in it."""
    try:
        prompt = Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise InputError(f"prompt file {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"prompt file {path} is not UTF-8 text: save it as UTF-8") from None
    if not prompt:
        raise UsageError(f"prompt file {path} is empty: say in it what to write")
    return prompt
