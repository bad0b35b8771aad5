"""freqkv mcp"""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from freqkv_cli.commands.options import OUTPUT_ONLY, SUMMARY_ONLY, takes_settings
from freqkv_cli.config import Output, Settings
from freqkv_cli.errors import UsageError

NOT_FOR_TOOLS = {
    *("pin_question", "quick", "show_passages", "stream", "pages", "start", "until", "kind", "recursive"),
    *("password_file", *SUMMARY_ONLY),
    *OUTPUT_ONLY,
} - {"debug"}


@takes_settings(*NOT_FOR_TOOLS)
def mcp(
    ctx: typer.Context,
    folders: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FOLDER]...", help="What may be read; nothing is the current one.", show_default=False),
    ] = None,
    *,
    settings: Settings,
    output: Output,
) -> None:
    """Serve the tools read, ask, summarize and passages to an assistant (Model Context Protocol over stdio).

    freqkv mcp ~/Documents

    It is started by the assistant: its settings get the command freqkv with
    these arguments. A client that has roots is kept to them.
    """
    allowed = [folder.resolve() for folder in folders or [Path()]]
    if missing := [folder for folder in allowed if not folder.is_dir()]:
        raise UsageError(f"there is no folder {missing[0]}: name folders with documents")
    if find_spec("mcp") is None:
        raise UsageError("freqkv mcp needs the SDK of the protocol: pip install 'freqkv[mcp]'")
    from freqkv_cli.serving.mcp_server import make_server

    make_server(settings, allowed).run("stdio")
