"""freqkv ask"""

from typing import Annotated

import typer

from freqkv_cli.commands.options import SUMMARY_ONLY, takes_settings
from freqkv_cli.commands.running import Task, counting, run
from freqkv_cli.commands.sources import question_meant
from freqkv_cli.config import Output, Settings

USAGE = 'freqkv ask FILE... "QUESTION" (or pipe a document in), freqkv ask --help'


@takes_settings(*SUMMARY_ONLY)
def ask(
    ctx: typer.Context,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SOURCE]... QUESTION",
            help="Documents, then the question. With the question alone, or with -, the document is stdin.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", envvar="FREQKV_DRY_RUN", help="Only count, as freqkv count.")
    ] = False,
    *,
    settings: Settings,
    output: Output,
) -> None:
    """Read documents of any length and answer a question about them.

    freqkv ask contract.pdf "Who may end it?"

    cat book.txt | freqkv ask "Who is Mr Darcy?"
    """
    paths, question = question_meant(arguments, USAGE)

    def load() -> Task:
        if dry_run:
            return counting(settings)
        from freqkv_cli.tasks import ask

        return lambda documents: ask.ask(documents, question, settings)

    run(ctx, f"loading {settings.model}", paths, settings, output, load)
