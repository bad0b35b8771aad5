"""freqkv evaluate: measure answers, summaries, and what the memory keeps of a text."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from freqkv_cli.commands.bench import words
from freqkv_cli.commands.options import EPILOG, QUESTION_ONLY, SUMMARY_ONLY, ConfiguredCommand, takes_settings
from freqkv_cli.commands.running import Task, loading, run
from freqkv_cli.config import Output, Settings, parse_size
from freqkv_cli.errors import UsageError

MEMORY_USAGE = "freqkv evaluate memory FILE..."
# What has no meaning where nothing is asked and nothing is kept.
NOT_FOR_MEMORY = (
    *("policy", "temperature", "top_p", "top_k", "min_p", "repetition_penalty", "max_tokens", "stream"),
    *("cache", "refresh", "states_limit", "state_dtype", "start", "until"),
    *SUMMARY_ONLY,
    *QUESTION_ONLY,
)
POLICIES = "window,window@0.75,freqkv,stride,pool,uniform,adaptive,keydiff,morph,landmarks"
Policies = Annotated[
    str,
    typer.Option(
        "--policies", metavar="NAMES", help="Policies, on the same tokens; window@0.75: with 3/4 of the slots; full."
    ),
]
Plot = Annotated[
    Path | None, typer.Option("--plot", metavar="FILE", help="Draw recognised facts by distance into a .png or .svg.")
]
Adapters = Annotated[
    Path | None,
    typer.Option(
        "--adapters",
        metavar="FOLDER",
        help="Adapters called like policies: each of those reads once more with its own.",
    ),
]

evaluate_app = typer.Typer(no_args_is_help=True, help="Measure answers, summaries and memories.")


Split = Annotated[Literal["tuned", "held_back", "all"], typer.Option("--split", help="Only what is of this split.")]
Folder = Annotated[
    str | None,
    typer.Option("--folder", metavar="FOLDER", help="Where the documents are, if not beside that file."),
]
Rows = Annotated[
    Path | None,
    typer.Option("--rows", metavar="FILE", help="Write all that was written, and how it counts, as JSON lines."),
]


@evaluate_app.command(cls=ConfiguredCommand, epilog=EPILOG)
@takes_settings(*SUMMARY_ONLY, "pin_question", "quick", "show_passages")
def answers(
    ctx: typer.Context,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="QUESTIONS [DOCUMENT]...",
            help="Question files (JSON Lines); behind each the document it is about, if it does not name it.",
            show_default=False,
        ),
    ] = None,
    methods: Annotated[
        str,
        typer.Option("--methods", metavar="NAMES", help="Of ask,memory,window,quick,passages,beginning."),
    ] = "ask",
    folder: Folder = None,
    split: Split = "all",
    kinds: Annotated[
        str, typer.Option("--kinds", metavar="NAMES", help="Only these kinds of question or of document.")
    ] = "",
    limit: Annotated[
        int | None,
        typer.Option("--limit", metavar="N", min=1, help="Only the first N questions on each document."),
    ] = None,
    rows: Rows = None,
    *,
    settings: Settings,
    output: Output,
) -> None:
    """Ask questions whose answers are known, in one or several ways, and count the right ones.

    freqkv evaluate answers questions.jsonl --folder documents --methods ask,passages --rows answers.jsonl

    The ways: as ask does; from the compressed memory alone; from the window policy's; as ask --quick does; from the
    passages found; from as much of the document's beginning as fits. By kind of question and of document.
    """

    def load() -> Task:
        from freqkv_cli.evaluation.answers import choose_methods, evaluate_answers
        from freqkv_cli.evaluation.question_file import chosen, examinations

        ways = choose_methods(words(methods))
        asked = chosen(examinations(arguments or [], folder), split, words(kinds), limit)
        return lambda _: evaluate_answers(asked, settings, ways, rows)

    run(ctx, loading(settings), [], settings, output, load)


@evaluate_app.command(cls=ConfiguredCommand, epilog=EPILOG)
@takes_settings(*QUESTION_ONLY, "notes", "prompt", "prompt_file", "focus")
def summaries(
    ctx: typer.Context,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SUMMARIES...", help="Files (JSON Lines) of what a summary should tell.", show_default=False
        ),
    ] = None,
    folder: Folder = None,
    split: Split = "all",
    rows: Rows = None,
    memory: Annotated[
        bool,
        typer.Option("--memory", help="From the compressed memory alone: no notes are taken, nothing is looked up."),
    ] = False,
    *,
    settings: Settings,
    output: Output,
) -> None:
    """Summarise documents of which it is known what a summary should tell, and count what it tells and invents.

    freqkv evaluate summaries summaries.jsonl --folder documents --rows told.jsonl
    """

    def load() -> Task:
        from freqkv_cli.evaluation.summaries import evaluate_summaries, read_expected

        expected = read_expected(arguments or [], folder, split)
        return lambda _: evaluate_summaries(expected, settings, rows, memory=memory)

    run(ctx, loading(settings), [], settings, output, load)


@evaluate_app.command(cls=ConfiguredCommand, epilog=EPILOG)
@takes_settings(*NOT_FOR_MEMORY)
def memory(
    ctx: typer.Context,
    documents: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE...", help="Documents, each read by itself.", show_default=False),
    ] = None,
    policies: Policies = POLICIES,
    tokens: Annotated[str, typer.Option("--tokens", metavar="SIZE", help="Read so many of each at the most.")] = "16k",
    facts: Annotated[
        int, typer.Option("--facts", metavar="N", min=0, help="Facts to be asked for in each document, at the most.")
    ] = 60,
    adapters: Adapters = None,
    reference: Annotated[
        str | None,
        typer.Option(
            "--reference", metavar="NAME", help='What ratios are to: a policy, or "window (tuned)".  [default: window]'
        ),
    ] = None,
    plot: Plot = None,
    *,
    settings: Settings,
    output: Output,
) -> None:
    """Measure what a cache of fixed size remembers, with each policy: texts foretold, facts recognised.

    freqkv evaluate memory novel.txt manual.pdf --policies window,landmarks --cache-size 1024

    Perplexity by place in the text, and for rare tokens by how far back the same token stood last. Names and numbers
    of the document itself among seven wrong ones, 1 to 16 times as many tokens later as there are slots.
    """
    if not documents:
        raise UsageError(f"no document: {MEMORY_USAGE}")
    labels, count = words(policies), read_size("--tokens", tokens)

    def load() -> Task:
        from freqkv_cli.evaluation.memory import MemoryOptions, evaluate_memory
        from freqkv_cli.measurement.policy_specs import check_adapters, check_labels

        check_labels(labels)
        check_adapters(adapters, labels)
        wanted = MemoryOptions(count, facts, reference, plot, adapters)
        return lambda opened: evaluate_memory(opened, settings, labels, wanted)

    run(ctx, loading(settings), documents, settings, output, load)


def read_size(flag: str, text: str) -> int:
    """Return a number of tokens. Raises UsageError for what is none, or less than two."""
    try:
        size = parse_size(text)
    except ValueError as error:
        raise UsageError(f"{flag} {error}") from None
    if size < 2:
        raise UsageError(f"{flag} must be 2 or more, not {size}")
    return size
