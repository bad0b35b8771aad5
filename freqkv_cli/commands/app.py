"""The command line: every command, in the order of the help."""

from typing import Annotated

import typer

from freqkv_cli import __version__
from freqkv_cli.commands.ask import ask
from freqkv_cli.commands.bench import bench
from freqkv_cli.commands.cache import cache_app
from freqkv_cli.commands.chat import chat
from freqkv_cli.commands.config import config_app
from freqkv_cli.commands.count import count
from freqkv_cli.commands.doctor import doctor
from freqkv_cli.commands.evaluate import evaluate_app
from freqkv_cli.commands.info import info
from freqkv_cli.commands.interrupts import invocation
from freqkv_cli.commands.models import models_app
from freqkv_cli.commands.options import EPILOG, ConfiguredCommand
from freqkv_cli.commands.read import read
from freqkv_cli.commands.reading.batch import batch
from freqkv_cli.commands.reading.diff import diff
from freqkv_cli.commands.reading.follow import follow
from freqkv_cli.commands.reading.mcp import mcp
from freqkv_cli.commands.reading.recap import recap
from freqkv_cli.commands.reading.serve import serve
from freqkv_cli.commands.summarize import summarize
from freqkv_cli.commands.train import train

app = typer.Typer(
    name="freqkv",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"freqkv {__version__}")
        raise typer.Exit


@app.callback()
def root(
    ctx: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", envvar="FREQKV_DEBUG", help="Show the traceback of an error.")
    ] = False,
) -> None:
    """Read documents far longer than a local language model's window, in memory that does not grow.

    The answer goes to stdout, everything else to stderr. Old text is kept
    compressed: details fade, nothing is skipped.
    """
    if debug:
        invocation(ctx).debug = True


for command in (summarize, recap, ask, chat, read, follow, batch, diff, mcp, serve, count, bench, train):
    app.command(cls=ConfiguredCommand, epilog=EPILOG)(command)
app.add_typer(models_app, name="models")
app.add_typer(cache_app, name="cache")
app.add_typer(config_app, name="config")
app.add_typer(evaluate_app, name="evaluate")
app.command()(info)
app.command()(doctor)
