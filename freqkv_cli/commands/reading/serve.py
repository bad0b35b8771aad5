"""freqkv serve"""

from contextlib import ExitStack
from importlib.util import find_spec
from typing import Annotated

import typer

from freqkv_cli.commands.invocation import invocation
from freqkv_cli.commands.options import SUMMARY_ONLY, takes_settings
from freqkv_cli.commands.running import follow, loading, open_sources
from freqkv_cli.commands.sources import sources_meant
from freqkv_cli.config import Output, Settings
from freqkv_cli.errors import UsageError
from freqkv_cli.serving import LOOPBACK
from freqkv_cli.terminal.display import open_display

USAGE = "freqkv serve FILE..., freqkv serve --help"


@takes_settings(*SUMMARY_ONLY, "pin_question", "show_passages", "stream", "json")
def serve(
    ctx: typer.Context,
    sources: Annotated[
        list[str] | None, typer.Argument(metavar="[SOURCE]...", help="Documents, or a state.", show_default=False)
    ] = None,
    host: Annotated[str, typer.Option("--host", help="Where to listen; elsewhere than here only with a token.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="The port.")] = 8642,
    token: Annotated[
        str | None,
        typer.Option("--token", envvar="FREQKV_TOKEN", help="What clients must send as their API key.", metavar="TEXT"),
    ] = None,
    *,
    settings: Settings,
    output: Output,
) -> None:
    """Answer questions about documents over HTTP, as OpenAI's chat completions.

    freqkv serve book.freqkv

    Clients take http://127.0.0.1:8642/v1 as their base URL, any model and, if
    there is one, the token as their API key. The documents are read once.
    """
    paths = sources_meant(sources, USAGE)
    if host not in LOOPBACK and not token:
        raise UsageError(f"on {host} others can ask, too: give a --token (or FREQKV_TOKEN), or leave out --host")
    if find_spec("starlette") is None or find_spec("uvicorn") is None:
        raise UsageError("freqkv serve needs a web server: pip install 'freqkv[serve]'")
    with ExitStack() as stack:
        with open_display("serve", output) as display:
            display.say(loading(settings))
            documents = open_sources(paths, settings, display, stack)
            from freqkv_cli.serving.http_server import Ready
            from freqkv_cli.serving.http_server import serve as listen

            ready = Ready()
            follow(ready.reading(documents, settings), display, invocation(ctx))
        listen(ready, host, port, token)
