"""Typer's complaints about the command line, each as one line."""

import typer

from freqkv_cli.commands.options import place
from freqkv_cli.config import setting_types

OF_A_PARSER = "Value error, "  # how pydantic, inside typer, marks the text of our ValueErrors


def usage_problem(error: BaseException) -> str | None:
    """What was wrong with the command line; empty when the help has been shown, None for any other exception."""
    if isinstance(error, typer.Abort):
        return "no input"
    if not isinstance(error, typer.TyperException):
        return None
    ctx = getattr(error, "ctx", None)
    parameter = getattr(error, "param", None)
    if parameter is not None and ctx is not None and parameter.name in setting_types():
        where = place(ctx, parameter.name)
        if error.message.startswith(OF_A_PARSER):
            return f"{where} {error.message.removeprefix(OF_A_PARSER)}"
        return f"{where}: {error.message}"
    message = error.format_message().rstrip(".")
    return f"{message}; see {ctx.command_path} --help" if ctx is not None and message else message
