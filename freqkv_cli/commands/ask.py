"""freqkv ask"""

from typing import Annotated

import typer

from freqkv_cli.commands.options import SUMMARY_ONLY, DryRun, takes_settings
from freqkv_cli.commands.running import Task, counting, loading, run
from freqkv_cli.commands.sources import opened_questions, question_meant, sources_beside_questions
from freqkv_cli.config import Output, Settings
from freqkv_cli.errors import UsageError

MANY_USAGE = "freqkv ask FILE... --questions FILE, freqkv ask --help"
USAGE = 'freqkv ask FILE... "QUESTION" (or pipe a document in), freqkv ask --help'


@takes_settings(*SUMMARY_ONLY)
def ask(
    ctx: typer.Context,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SOURCE]... QUESTION",
            help="Documents, then the question (but with --questions documents alone). "
            "Without any, or with -, the document is stdin.",
            show_default=False,
        ),
    ] = None,
    questions: Annotated[
        str | None,
        typer.Option(
            "--questions",
            metavar="FILE",
            help="Questions, one a line: plain text, or JSON objects with q (or question) and id. - is stdin.",
        ),
    ] = None,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help="With --questions: one JSON object a line, each when its answer is there.")
    ] = False,
    last: Annotated[
        str | None,
        typer.Option("--last", metavar="TIME", help="Only what a log says of the last 30m, 1h, 2d, by its own times."),
    ] = None,
    dry_run: DryRun = False,
    *,
    settings: Settings,
    output: Output,
) -> None:
    """Read documents of any length and answer a question about them.

    freqkv ask contract.pdf "Who may end it?"

    cat book.txt | freqkv ask "Who is Mr Darcy?"

    freqkv ask book.pdf --questions questions.txt --jsonl

    freqkv ask log.freqkv --last 1h "What failed?"
    """
    if last is not None and questions is not None:
        raise UsageError("--last goes with one question: leave out --questions")
    if questions is None:
        if jsonl:
            raise UsageError("--jsonl goes with --questions FILE; for one question there is --json")
        paths, question = question_meant(arguments, USAGE)

        def load() -> Task:
            if dry_run:
                return counting(settings)
            from freqkv_cli.answering import ask

            if last is not None:
                from freqkv_cli.answering.recent_log import duration, within

                opening = within(duration(last))
                return lambda documents: ask.ask(documents, question, settings, opening=opening)
            return lambda documents: ask.ask(documents, question, settings)

        run(ctx, loading(settings), paths, settings, output, load)
    else:
        paths = sources_beside_questions(arguments, questions, settings, MANY_USAGE)
        with opened_questions(questions) as lines:

            def load_many() -> Task:
                if dry_run:
                    return counting(settings)
                from freqkv_cli.answering import ask_many
                from freqkv_cli.answering.question_list import parse_questions

                return lambda documents: ask_many.ask_many(documents, parse_questions(lines), settings)

            run(ctx, loading(settings), paths, settings, output, load_many, lines=jsonl)
