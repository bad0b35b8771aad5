"""freqkv models: which models are on this machine; fetch one, look at one, remove one."""

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from freqkv_cli.commands.options import ConfiguredCommand
from freqkv_cli.config import Output
from freqkv_cli.errors import UsageError
from freqkv_cli.terminal.display import open_display
from freqkv_cli.terminal.number_format import memory
from freqkv_cli.terminal.printable import one_line

if TYPE_CHECKING:
    from freqkv_cli.models.inventory import LocalModel

models_app = typer.Typer(no_args_is_help=True, help="List, fetch, show and remove models.")

Name = Annotated[str, typer.Argument(metavar="MODEL", help="Alias, hub id, local folder or .gguf file.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]


@models_app.command("list")
def list_(as_json: Json = False) -> None:
    """List the models that are on this machine, and those that have a short name."""
    from freqkv_cli.models.auto_model import choose_model
    from freqkv_cli.models.inventory import list_models
    from freqkv_cli.models.support import SUPPORTED

    default = choose_model().name
    rows = [_described(model, SUPPORTED, default) for model in list_models()]
    if as_json:
        typer.echo(json.dumps({"schema_version": 1, "models": rows}))
        return
    texts = [("MODEL", "KIND", "SIZE", "STATE")]
    for row in rows:
        size = memory(row["bytes"]) if row["bytes"] else "-"
        texts.append((one_line(row["name"]), row["kind"], size, _state(row)))
    widths = [max(len(row[column]) for row in texts) for column in range(3)]
    for name, kind, size, state in texts:
        typer.echo(f"{name:<{widths[0]}}  {kind:<{widths[1]}}  {size:>{widths[2]}}  {state}")


@models_app.command(cls=ConfiguredCommand)
def pull(
    name: Name,
    offline: Annotated[
        bool, typer.Option("--offline", envvar="FREQKV_OFFLINE", show_envvar=False, help="Never use the network.")
    ] = False,
    models_dir: Annotated[
        str | None,
        typer.Option(envvar="FREQKV_MODELS_DIR", show_envvar=False, metavar="FOLDER", help="Folder with .gguf files."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Nothing on stderr but errors.")] = False,
) -> None:
    """Download (and convert, if need be) a model, so that it is there when it is needed."""
    from freqkv_cli.models.source import resolve_model

    with open_display("models pull", Output(quiet=quiet)) as display:
        source = resolve_model(name, offline=offline, models_dir=models_dir, notify=display.show)
    if not quiet:
        typer.echo(f"{one_line(source.name)} is ready in {source.folder}", err=True)


@models_app.command()
def show(name: Name, as_json: Json = False) -> None:
    """Show what is known of a model on this machine, its files with their sizes included."""
    from freqkv_cli.models.auto_model import choose_model
    from freqkv_cli.models.inventory import find_model
    from freqkv_cli.models.support import SUPPORTED

    model = find_model(name)
    about = {**_described(model, SUPPORTED, choose_model().name), "files": _files(model)}
    if as_json:
        typer.echo(json.dumps({"schema_version": 1, "model": about}))
        return
    rows = {
        "model": model.name,
        "kind": model.kind,
        "from": model.origin,
        "sha256": model.sha256,
        "state": _state(about),
        "architecture": model.architecture,
        "folder": model.folder,
        "gguf": model.gguf_file,
        "size": memory(model.bytes) if model.bytes else None,
    }
    for label, value in rows.items():
        if value is not None:
            typer.echo(f"{label:<13} {one_line(value)}")
    for file, size in about["files"].items():
        typer.echo(f"  {memory(size):>10}  {one_line(file)}")


@models_app.command()
def rm(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove a model's files from this machine. A .gguf file of your own is left alone."""
    from freqkv_cli.models.inventory import find_model, remove_model

    model = find_model(name)
    if model.folder is not None and not yes:
        if not sys.stdin.isatty():
            raise UsageError(f"to remove {name} without being asked, add --yes")
        if not typer.confirm(f"Remove {one_line(model.name)} ({memory(model.bytes)})?", err=True):
            typer.echo("nothing was removed", err=True)
            return
    typer.echo(f"removed {one_line(model.name)}: {memory(remove_model(model))} freed", err=True)


def _described(model: "LocalModel", supported: tuple[str, ...], default: str) -> dict[str, Any]:
    known = model.architecture in supported if model.architecture else None
    return {**asdict(model), "default": model.name == default, "supported": known}


def _state(about: dict[str, Any]) -> str:
    marks = [about["state"]]
    if about["default"]:
        marks.append("taken by --model auto")
    if about["supported"] is False:
        marks.append(f"type {about['architecture']} is not supported")
    return one_line(", ".join(marks))


def _files(model: "LocalModel") -> dict[str, int]:
    from pathlib import Path

    if model.folder is None:
        return {}
    return {path.name: path.stat().st_size for path in sorted(Path(model.folder).iterdir()) if path.is_file()}
