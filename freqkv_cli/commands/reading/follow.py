"""freqkv follow"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from freqkv_cli.commands.interrupts import invocation
from freqkv_cli.commands.options import QUESTION_ONLY, SUMMARY_ONLY, takes_settings
from freqkv_cli.commands.running import follow as show
from freqkv_cli.commands.running import loading
from freqkv_cli.commands.sources import STDIN
from freqkv_cli.config import Output, Settings
from freqkv_cli.errors import UsageError
from freqkv_cli.terminal.display import open_display

USAGE = "freqkv follow LOG -o STATE, freqkv follow --help"
NOT_FOR_FOLLOWING = (
    *("temperature", "top_p", "top_k", "min_p", "repetition_penalty", "seed", "max_tokens", "stream"),
    *("cache", "refresh", "states_limit", "pages", "start", "until", "encoding", "kind", "ocr", "recursive"),
    *("allow_net", "password_file"),
    *SUMMARY_ONLY,
    *QUESTION_ONLY,
)
MEGABYTE = 10**6


@takes_settings(*NOT_FOR_FOLLOWING)
def follow(
    ctx: typer.Context,
    source: Annotated[
        str | None, typer.Argument(metavar="[LOG]", help="A file that grows; - is stdin.", show_default=False)
    ] = None,
    target: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="The state, which can be asked at any moment.")
    ] = None,
    every: Annotated[
        float, typer.Option("--every", metavar="SECONDS", min=0.1, help="Save so often, if something came.")
    ] = 30.0,
    keep: Annotated[
        float, typer.Option("--keep", metavar="MB", min=0.01, help="Newest text that can be looked up word for word.")
    ] = 32.0,
    *,
    settings: Settings,
    output: Output,
) -> None:
    """Read a log as it grows, for ever, in memory that does not grow.

    freqkv follow app.log -o log.freqkv

    tail -f app.log | freqkv follow - -o log.freqkv

    freqkv ask log.freqkv "What failed last?"

    The state is replaced in one stroke, so another process can ask it at any
    moment. A log may be rotated. Killed and started again, it goes on from the
    last time it was saved.
    """
    if source is None or target is None:
        raise UsageError(f"no {'state' if source else 'log'}: {USAGE}")
    state = target
    if source == STDIN and sys.stdin.isatty():
        raise UsageError(f"stdin is a terminal: pipe a log in, or {USAGE}")
    with open_display("follow", output) as display:
        display.say(loading(settings))
        from freqkv_cli.following import follow as following
        from freqkv_cli.following.tail import StreamTail

        pipe = StreamTail(sys.stdin.buffer) if source == STDIN else None
        events = following.follow(source, settings, state, every, round(keep * MEGABYTE), pipe=pipe)
        show(events, display, invocation(ctx))
