"""freqkv evaluate: measure answers, summaries, and what the memory keeps of a text."""

from pathlib import Path
from typing import Annotated

import typer

from freqkv_cli.commands.bench import words
from freqkv_cli.commands.options import EPILOG, QUESTION_ONLY, SUMMARY_ONLY, ConfiguredCommand, takes_settings
from freqkv_cli.commands.running import Task, loading, run
from freqkv_cli.config import Output, Settings, parse_size
from freqkv_cli.errors import UsageError

ANSWERS_USAGE = "freqkv evaluate answers QUESTIONS DOCUMENT [QUESTIONS DOCUMENT]..."
SUMMARIES_USAGE = "freqkv evaluate summaries DOCUMENT..."

PERPLEXITY_USAGE = "freqkv evaluate perplexity FILE..."
SPECTRUM_USAGE = "freqkv evaluate spectrum FILE..."
# What has no meaning where nothing is asked and nothing is kept.
NOT_FOR_MEMORY = (
    *("policy", "temperature", "top_p", "top_k", "min_p", "repetition_penalty", "max_tokens", "stream"),
    *("cache", "refresh", "states_limit", "state_dtype"),
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


@evaluate_app.command(cls=ConfiguredCommand, epilog=EPILOG)
@takes_settings(*SUMMARY_ONLY, "pin_question")
def answers(
    ctx: typer.Context,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="QUESTIONS DOCUMENT [QUESTIONS DOCUMENT]...",
            help="A question file, or the name of one that comes with freqkv, and the document it is about.",
            show_default=False,
        ),
    ] = None,
    methods: Annotated[
        str | None,
        typer.Option("--methods", metavar="NAMES", help="Only these: ask,memory,window,cut,passages."),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", metavar="N", min=1, help="Only the first N questions of each split."),
    ] = None,
    passages: Annotated[
        int, typer.Option("--passages", metavar="K", min=1, help="How many the method passages answers from.")
    ] = 1,
    *,
    settings: Settings,
    output: Output,
) -> None:
    """Ask every question of a question file in several ways, and count the right answers.

    freqkv evaluate answers northanger_abbey northanger_abbey.txt --cache-size 2048

    The ways: as freqkv ask does; from the compressed memory alone; from the window policy's memory; from the document
    cut to its first and last tokens; from searched passages alone.
    """
    names, paths = pairs(arguments or [])

    def load() -> Task:
        from freqkv_cli.evaluation.answers import Examination, choose_methods, evaluate_answers
        from freqkv_cli.evaluation.methods import METHODS
        from freqkv_cli.evaluation.question_file import read_question_file

        chosen = choose_methods(methods.replace(" ", "").split(",") if methods else METHODS)
        files = [read_question_file(name) for name in names]
        return lambda documents: evaluate_answers(
            [Examination(file, document) for file, document in zip(files, documents, strict=True)],
            settings,
            methods=chosen,
            limit=limit,
            passages=passages,
        )

    run(ctx, loading(settings), paths, settings, output, load)


@evaluate_app.command(cls=ConfiguredCommand, epilog=EPILOG)
@takes_settings(*QUESTION_ONLY, "notes", "prompt", "prompt_file")
def summaries(
    ctx: typer.Context,
    documents: Annotated[
        list[str] | None,
        typer.Argument(metavar="DOCUMENT...", help="Documents, summarised each by itself.", show_default=False),
    ] = None,
    reports: Annotated[
        list[str] | None,
        typer.Option(
            "--report",
            metavar="FILE",
            help="Measure this output of summarize --json instead; once for each document, in their order.",
        ),
    ] = None,
    *,
    settings: Settings,
    output: Output,
) -> None:
    """Summarise documents, and measure how much of each tenth the summary reaches and what is wrong with it.

    freqkv evaluate summaries book.pdf --length long
    """
    if not documents:
        raise UsageError(f"no document: {SUMMARIES_USAGE}")
    if reports and len(reports) != len(documents):
        raise UsageError(f"{len(reports)} reports for {len(documents)} documents: give --report once for each document")

    def load() -> Task:
        from freqkv_cli.evaluation.summaries import evaluate_summaries, read_report

        ready = [read_report(path) for path in reports] if reports else None
        return lambda opened: evaluate_summaries(opened, settings, ready)

    run(ctx, loading(settings), documents, settings, output, load)


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
        from freqkv_cli.evaluation.policy_specs import check_adapters, check_labels

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
    first: Annotated[
        bool, typer.Option("--query-first", help="Let the model know the question before it reads; passkey alone.")
    ] = False,
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
        from freqkv_cli.evaluation.policy_specs import check_adapters, check_labels

        check_labels(labels)
        check_adapters(adapters, labels)
        wanted = NeedleOptions(count, words(kinds), items, first)
        return lambda opened: evaluate_recall(opened, settings, labels, wanted, plot, adapters)

    run(ctx, loading(settings), documents or [], settings, output, load)


@evaluate_app.command(cls=ConfiguredCommand, epilog=EPILOG)
@takes_settings(*NOT_FOR_MEMORY)
def sessions(
    ctx: typer.Context,
    documents: Filler = None,
    policies: Policies = POLICIES,
    kinds: Annotated[
        str,
        typer.Option("--kinds", metavar="NAMES", help="One context each; mixed: turns of all other kinds."),
    ] = "string,kv,hops,shots,common,summary,mixed",
    tokens: Annotated[
        str | None,
        typer.Option(
            "--tokens",
            metavar="SIZE",
            help="Of a context, at the most; 4K, or all of it with --data.",
            show_default=False,
        ),
    ] = None,
    turns: Annotated[int, typer.Option("--turns", metavar="N", min=1, help="Questions about each context.")] = 8,
    contexts: Annotated[int, typer.Option("--sessions", metavar="N", min=1, help="Contexts of each kind.")] = 1,
    mode: Annotated[
        str,
        typer.Option("--mode", metavar="MODE", help="multi-turn: one conversation; multi-request: apart; or both."),
    ] = "both",
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="NAME|FILE",
            help="Contexts of SCBench instead: a task such as scbench_kv, from the hub, or a JSONL file of one.",
        ),
    ] = None,
    plot: Plot = None,
    *,
    settings: Settings,
    output: Output,
) -> None:
    """Measure each policy's memory of one context over many turns and many requests.

    freqkv evaluate sessions --tokens 16k --policies freqkv,window,full --cache-size 1024

    Each right answer is weighed against wrong ones of its kind; whether it is written exactly is told too.
    """
    if data and documents:
        raise UsageError("--data brings its own contexts: give it without a FILE")
    labels, count = words(policies), None if tokens is None else read_size("--tokens", tokens)

    def load() -> Task:
        from freqkv_cli.evaluation.policy_specs import check_labels
        from freqkv_cli.evaluation.scbench import open_shared
        from freqkv_cli.evaluation.sessions import SessionOptions, evaluate_sessions

        check_labels(labels)
        shared = open_shared(data, offline=settings.offline) if data else None
        wanted = SessionOptions(words(kinds), count, turns, contexts, mode, shared)
        return lambda opened: evaluate_sessions(opened, settings, labels, wanted, plot)

    run(ctx, loading(settings), documents or [], settings, output, load)


@evaluate_app.command(cls=ConfiguredCommand, epilog=EPILOG)
@takes_settings(*NOT_FOR_MEMORY, "retain_ratio")
def spectrum(
    ctx: typer.Context,
    documents: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE...", help="Texts, read one after another.", show_default=False),
    ] = None,
    tokens: Annotated[str, typer.Option("--tokens", metavar="SIZE", help="Read so many at the most.")] = "8K",
    energy: Annotated[
        float, typer.Option("--energy", metavar="SHARE", help="What the recommended retain ratio should hold.")
    ] = 0.9,
    plot: Plot = None,
    *,
    settings: Settings,
    output: Output,
) -> None:
    """Measure how smoothly keys and values run along a text, by frequency, layer and head.

    freqkv evaluate spectrum book.txt --energy 0.95 --plot spectrum.svg

    FreqKV keeps the lower frequencies; this tells how much of the energy is there, and which retain ratio holds it.
    """
    if not documents:
        raise UsageError(f"no document: {SPECTRUM_USAGE}")
    if not 0 < energy < 1:
        raise UsageError(f"--energy must be between 0 and 1, both excluded, not {energy}")
    count = read_size("--tokens", tokens)

    def load() -> Task:
        from freqkv_cli.evaluation.spectrum import evaluate_spectrum

        return lambda opened: evaluate_spectrum(opened, settings, count, energy, plot)

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


def pairs(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Return the question files and the documents. Raises UsageError when one lacks the other."""
    if not arguments or len(arguments) % 2:
        raise UsageError(f"each question file needs its document: {ANSWERS_USAGE}")
    return arguments[::2], arguments[1::2]
