"""freqkv serve"""

from contextlib import ExitStack
from importlib.util import find_spec
from typing import Annotated

import typer

from freqkv_cli.commands.interrupts import invocation
from freqkv_cli.commands.options import SUMMARY_ONLY, takes_settings
from freqkv_cli.commands.running import follow, loading, open_sources
from freqkv_cli.commands.sources import sources_meant
from freqkv_cli.config import Output, Settings
from freqkv_cli.errors import UsageError
from freqkv_cli.serving import LOOPBACK
from freqkv_cli.terminal.display import open_display

MEGABYTE = 10**6
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
    upload_limit: Annotated[
        float, typer.Option("--upload-limit", metavar="MB", min=0.01, help="The largest file that may be sent.")
    ] = 64.0,
    *,
    settings: Settings,
    output: Output,
) -> None:
    """Answer questions about documents in a browser, and over HTTP as OpenAI's chat completions.

    freqkv serve

    freqkv serve book.freqkv

    http://127.0.0.1:8642/ is a page to drop documents on. Clients take
    http://127.0.0.1:8642/v1 as their base URL, any model and, if there is one,
    the token as their API key; they may attach files. The documents named here
    are read once, at the start.
    """
    paths = sources_meant(sources, USAGE) if sources else []
    if host not in LOOPBACK and not token:
        raise UsageError(f"on {host} others can ask, too: give a --token (or FREQKV_TOKEN), or leave out --host")
    if any(find_spec(name) is None for name in ("starlette", "uvicorn", "python_multipart")):
        raise UsageError("freqkv serve needs a web server: pip install 'freqkv[serve]'")
    with ExitStack() as stack:
        with open_display("serve", output) as display:
            display.say(loading(settings))
            documents = open_sources(paths, settings, display, stack) if paths else []
            from freqkv_cli.serving.http_server import DocumentAnswers
            from freqkv_cli.serving.http_server import serve as listen
            from freqkv_cli.serving.uploads import Uploads

            uploads = Uploads(round(upload_limit * MEGABYTE))
            stack.callback(uploads.close)
            answers = DocumentAnswers(settings, documents, uploads)
            follow(answers.begin(), display, invocation(ctx))
        listen(answers, uploads, host, port, token)
