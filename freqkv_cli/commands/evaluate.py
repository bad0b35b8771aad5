"""freqkv evaluate: measure answers, summaries, and what the memory keeps of a text."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from freqkv_cli.commands.bench import words
from freqkv_cli.commands.options import EPILOG, QUESTION_ONLY, SUMMARY_ONLY, ConfiguredCommand, takes_settings
from freqkv_cli.commands.running import Task, loading, run
from freqkv_cli.config import Output, Settings, parse_size
from freqkv_cli.errors import UsageError

PERPLEXITY_USAGE = "freqkv evaluate perplexity FILE..."
# What has no meaning where nothing is asked and nothing is kept.
NOT_FOR_MEMORY = (
    *("policy", "temperature", "top_p", "top_k", "min_p", "repetition_penalty", "max_tokens", "stream"),
    *("cache", "refresh", "states_limit", "state_dtype", "start", "until"),
    *SUMMARY_ONLY,
    *QUESTION_ONLY,
)
POLICIES = "freqkv,window,window@0.75,stride,pool,uniform,adaptive,keydiff,morph,landmarks"
Policies = Annotated[
    str,
    typer.Option(
        "--policies", metavar="NAMES", help="Policies, on the same tokens; window@0.75: with 3/4 of the slots; full."
    ),
]
Filler = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[FILE]...", help="What the facts lie in; made-up sentences if nothing.", show_default=False
    ),
]
Plot = Annotated[Path | None, typer.Option("--plot", metavar="FILE", help="Draw the figures into a .png or .svg.")]
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
        return lambda _: evaluate_summaries(expected, settings, rows)

    run(ctx, loading(settings), [], settings, output, load)


@evaluate_app.command(cls=ConfiguredCommand, epilog=EPILOG)
@takes_settings(*NOT_FOR_MEMORY)
def perplexity(
    ctx: typer.Context,
    documents: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE...", help="Texts, read one after another.", show_default=False),
    ] = None,
    policies: Policies = POLICIES,
    tokens: Annotated[str, typer.Option("--tokens", metavar="SIZE", help="Read so many at the most.")] = "16k",
    adapters: Adapters = None,
    reference: Annotated[
        str | None,
        typer.Option(
            "--reference", metavar="NAME", help='What ratios are to: a policy, or "window (tuned)".  [default: freqkv]'
        ),
    ] = None,
    plot: Plot = None,
    *,
    settings: Settings,
    output: Output,
) -> None:
    """Measure how well the model foretells a text through each policy's memory.

    freqkv evaluate perplexity book.txt --policies freqkv,window,full --cache-size 1024

    By place in the text, and for rare tokens by how far back the same token stood last.
    """
    if not documents:
        raise UsageError(f"no document: {PERPLEXITY_USAGE}")
    labels, count = words(policies), read_size("--tokens", tokens)

    def load() -> Task:
        from freqkv_cli.evaluation.perplexity import evaluate_perplexity
        from freqkv_cli.measurement.policy_specs import check_adapters, check_labels

        check_labels(labels)
        check_adapters(adapters, labels)
        return lambda opened: evaluate_perplexity(opened, settings, labels, count, plot, adapters, reference)

    run(ctx, loading(settings), documents, settings, output, load)


@evaluate_app.command(cls=ConfiguredCommand, epilog=EPILOG)
@takes_settings(*NOT_FOR_MEMORY)
def recall(
    ctx: typer.Context,
    documents: Filler = None,
    policies: Policies = POLICIES,
    kinds: Annotated[
        str,
        typer.Option(
            "--kinds", metavar="NAMES", help="Facts: passkey (one), pairs (many), cloze (from the text itself)."
        ),
    ] = "passkey,pairs,cloze",
    tokens: Annotated[str, typer.Option("--tokens", metavar="SIZE", help="Read so many at the most.")] = "8k",
    items: Annotated[int, typer.Option("--items", metavar="N", min=1, help="Facts of each kind, passkey aside.")] = 12,
    adapters: Adapters = None,
    plot: Plot = None,
    *,
    settings: Settings,
    output: Output,
) -> None:
    """Measure how far back each policy's memory reaches: facts in a text, asked for at growing distances.

    freqkv evaluate recall book.txt --policies freqkv,window --cache-size 512

    An answer counts when it is likelier than seven wrong ones of its kind; whether it is written exactly is told too.
    """
    labels, count = words(policies), read_size("--tokens", tokens)

    def load() -> Task:
        from freqkv_cli.evaluation.needle import NeedleOptions, evaluate_recall
        from freqkv_cli.measurement.policy_specs import check_adapters, check_labels

        check_labels(labels)
        check_adapters(adapters, labels)
        wanted = NeedleOptions(count, words(kinds), items)
        return lambda opened: evaluate_recall(opened, settings, labels, wanted, plot, adapters)

    run(ctx, loading(settings), documents or [], settings, output, load)


def read_size(flag: str, text: str) -> int:
    """Return a number of tokens. Raises UsageError for what is none, or less than two."""
    try:
        size = parse_size(text)
    except ValueError as error:
        raise UsageError(f"{flag} {error}") from None
    if size < 2:
        raise UsageError(f"{flag} must be 2 or more, not {size}")
    return size
