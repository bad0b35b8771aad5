"""freqkv train"""

from pathlib import Path
from typing import Annotated, Literal

import typer

from freqkv_cli.commands.options import QUESTION_ONLY, SUMMARY_ONLY, takes_settings
from freqkv_cli.commands.running import Task, loading, run
from freqkv_cli.config import Output, Settings, parse_size
from freqkv_cli.errors import UsageError

USAGE = "freqkv train FILE_OR_FOLDER... -o ADAPTER, freqkv train --help"
NOT_FOR_TRAINING = (
    *("temperature", "top_p", "top_k", "min_p", "repetition_penalty", "stream", "max_tokens"),
    *("adapter", "cache", "refresh", "states_limit", "state_dtype", "pages", "start", "until"),
    *("kind", "password_file"),
    *SUMMARY_ONLY,
    *QUESTION_ONLY,
)


def size(text: str) -> int:
    """A number of tokens, 2 or more: 2048, 2k, 2K."""
    try:
        tokens = parse_size(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if tokens < 2:
        raise typer.BadParameter("a sequence has 2 tokens or more")
    return tokens


@takes_settings(*NOT_FOR_TRAINING)
def train(
    ctx: typer.Context,
    texts: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE_OR_FOLDER...", help="Texts to learn from, of any kind.", show_default=False),
    ] = None,
    target: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FOLDER", help="The adapter, its checkpoint and its curve.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint in the folder.")] = False,
    steps: Annotated[int, typer.Option("--steps", metavar="N", min=1, help="Steps in all.")] = 500,
    length: Annotated[int, typer.Option("--length", metavar="TOKENS", parser=size, help="Of one sequence.")] = 2048,
    batch: Annotated[int, typer.Option("--batch", metavar="N", min=1, help="Sequences of one step.")] = 1,
    objective: Annotated[
        Literal["next-token", "distill"],
        typer.Option("--objective", help="distill: the same model with its full cache is the teacher."),
    ] = "next-token",
    retrieval: Annotated[
        float,
        typer.Option("--retrieval", metavar="SHARE", min=0, max=1, help="Share of sequences with facts to find again."),
    ] = 0.0,
    importance: Annotated[
        int,
        typer.Option(
            "--importance",
            metavar="SEQUENCES",
            min=0,
            help="Read first, to learn which rows a policy is to keep (landmarks); 0: none.",
        ),
    ] = 40,
    rate: Annotated[float, typer.Option("--lr", metavar="RATE", min=0, max=1, help="Learning rate.")] = 2e-4,
    warmup: Annotated[int, typer.Option("--warmup", metavar="STEPS", min=0, help="Steps in which it rises.")] = 20,
    decay: Annotated[
        float,
        typer.Option(
            "--decay", metavar="SHARE", min=0, max=1, help="Share of the steps, the last ones, in which it falls."
        ),
    ] = 0.2,
    rank: Annotated[int, typer.Option("--rank", metavar="N", min=1, help="Rank of the LoRA matrices.")] = 16,
    checkpoint_chunks: Annotated[
        bool,
        typer.Option(
            "--checkpoint-chunks/--keep-chunks",
            help="Run chunks again in the backward pass, or keep them: less memory, or less time.",
        ),
    ] = False,
    validation: Annotated[
        str | None,
        typer.Option("--validation", metavar="FILE", help="Held-out text; else the end of the longest text."),
    ] = None,
    validation_sequences: Annotated[
        int, typer.Option("--validation-sequences", metavar="N", min=0, help="Held-out sequences; 0: none.")
    ] = 4,
    validate_every: Annotated[
        int, typer.Option("--validate-every", metavar="STEPS", min=1, help="How often they are measured.")
    ] = 50,
    save_every: Annotated[
        int, typer.Option("--save-every", metavar="STEPS", min=1, help="How often a checkpoint is written.")
    ] = 50,
    *,
    settings: Settings,
    output: Output,
) -> None:
    """Train an adapter (LoRA), with which a model reads better from a cache of fixed size.

    freqkv train books/ -o my-adapter --length 2048 --cache-size 512

    freqkv ask book.pdf --adapter my-adapter "Who is Mr Darcy?"

    Without --cache-size it is a quarter of --length. Ctrl-C keeps a checkpoint, and --resume goes on from it.
    """
    if not texts:
        raise UsageError(f"no texts: {USAGE}")
    if target is None:
        raise UsageError(f"no folder for the adapter: {USAGE}")
    folder = target

    def load() -> Task:
        from freqkv_cli.training.lora import require_peft
        from freqkv_cli.training.recipe import Recipe

        require_peft()
        recipe = Recipe(
            objective=objective,
            length=length,
            retrieval=retrieval,
            importance=importance,
            batch=batch,
            steps=steps,
            rate=rate,
            warmup=warmup,
            decay=decay,
            rank=rank,
            checkpoint_chunks=checkpoint_chunks,
            validation_sequences=validation_sequences,
            validate_every=validate_every,
            save_every=save_every,
        )
        from freqkv_cli.training.job import Job
        from freqkv_cli.training.train import train

        job = Job(texts, folder, recipe, validation, resume)
        return lambda documents: train(settings, job)

    run(ctx, loading(settings), [], settings, output, load)
