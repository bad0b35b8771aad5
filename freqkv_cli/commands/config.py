"""freqkv config: what is set, where it comes from, and how to change it."""

import json
from dataclasses import asdict
from typing import Annotated, Any

import typer

from freqkv_cli.commands.config_file import known_names, write_setting
from freqkv_cli.commands.options import ConfiguredCommand, origin, takes_settings
from freqkv_cli.config import Output, Settings, config_path, public_name
from freqkv_cli.terminal.printable import one_line

CHOSEN_BY_FREQKV = ("cache_size", "recent_tokens", "chunk", "max_tokens")

config_app = typer.Typer(no_args_is_help=True, help="Show and change the settings.")


@config_app.command(cls=ConfiguredCommand)
@takes_settings()
def show(ctx: typer.Context, *, settings: Settings, output: Output) -> None:
    """List every setting, its value and where it came from: flag, env NAME, config file or default."""
    rows: dict[str, tuple[Any, str]] = {
        public_name(name): (value, origin(ctx, name)) for name, value in {**asdict(settings), **asdict(output)}.items()
    }
    if output.json:
        listed = {name: {"value": value, "origin": source} for name, (value, source) in rows.items()}
        typer.echo(json.dumps({"schema_version": 1, "config_file": str(config_path()), "settings": listed}))
        return
    texts = {name: _text(name, value) for name, (value, _) in rows.items()}
    width = max(map(len, texts.values()))
    typer.echo(f"config file: {one_line(str(config_path()))}{'' if config_path().exists() else ' (does not exist)'}")
    for name, (_, source) in rows.items():
        typer.echo(f"{name:<{max(map(len, rows))}}  {texts[name]:<{width}}  {source}")


@config_app.command()
def path() -> None:
    """Print where the config file is, or would be."""
    typer.echo(config_path())


@config_app.command("set")
def set_(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As in config show.", autocompletion=known_names)],
    value: Annotated[str, typer.Argument(metavar="VALUE", help="The new value.")],
) -> None:
    """Set a value in the config file: freqkv config set cache_size 32k"""
    new = write_setting(config_path(), name, value)
    typer.echo(f"{name} = {_text(name, new)} in {config_path()}", err=True)


def _text(name: str, value: Any) -> str:
    if value is None:
        return "auto" if name in CHOSEN_BY_FREQKV else "-"
    return str(value).lower() if isinstance(value, bool) else one_line(str(value))
