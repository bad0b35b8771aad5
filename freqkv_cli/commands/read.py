"""freqkv read"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from freqkv_cli.commands.interrupts import invocation
from freqkv_cli.commands.options import QUESTION_ONLY, SUMMARY_ONLY, DryRun, takes_settings
from freqkv_cli.commands.running import Task, counting, loading, run
from freqkv_cli.commands.running import follow as show
from freqkv_cli.commands.sources import STDIN, sources_meant
from freqkv_cli.config import Output, Settings
from freqkv_cli.events import Note
from freqkv_cli.terminal.display import open_display

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

    tail -f app.log | freqkv read - -o log.freqkv

    A pipe that gives text and has not ended after ten seconds is followed, as
    freqkv follow does: the state is there to be asked meanwhile.
    """
    paths = sources_meant(sources, USAGE)
    if target is not None and not dry_run and paths == [STDIN] and follow_pipe(ctx, target, settings, output):
        return

    def load() -> Task:
        if dry_run:
            return counting(settings)
        from freqkv_cli.states import read

        return lambda documents: read.read(documents, settings, target, force=force)

    run(ctx, loading(settings), paths, settings, output, load)


def follow_pipe(ctx: typer.Context, target: Path, settings: Settings, output: Output) -> bool:
    """Follow stdin where it has no end; return whether it was so."""
    from freqkv_cli.following.endless import PATIENCE, endless_input

    try:
        pipe = endless_input(sys.stdin.buffer, target, settings)
    except (AttributeError, OSError, ValueError):  # stdin is closed, or no file
        return False
    if pipe is None:
        return False
    with open_display("read", output) as display:
        display.say(loading(settings))
        from freqkv_cli.following.follow import EVERY, follow

        told = f"stdin goes on after {PATIENCE:.0f} s: it is followed, and saved every {EVERY:.0f} s (freqkv follow)"
        display.show(Note(told, wanted=True))
        show(follow(STDIN, settings, target, pipe=pipe, command="read"), display, invocation(ctx))
    return True
