"""freqkv cache: what is kept of documents that were read; look at it, remove it."""

import json
import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from freqkv_cli.commands.options import ConfiguredCommand, takes_settings
from freqkv_cli.config import Output, Settings, setting_types
from freqkv_cli.errors import UsageError
from freqkv_cli.terminal.number_format import memory, plural, whole
from freqkv_cli.terminal.printable import one_line

if TYPE_CHECKING:
    from freqkv_cli.states.state_cache import Kept

cache_app = typer.Typer(no_args_is_help=True, help="List, show and remove what is kept of documents that were read.")

MEGABYTE = 10**6
SHORT = 8  # letters of a file's name that tell states apart

Name = Annotated[str, typer.Argument(metavar="NAME", help="A document's name, or the first letters of an id.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@cache_app.command("list")
def list_(as_json: Json = False) -> None:
    """List the states that are kept, what was used last first."""
    from freqkv_cli.states.state_cache import list_kept, states_folder

    kept = list_kept()
    if as_json:
        rows = [described(one) for one in kept]
        total = sum(one.bytes for one in kept)
        typer.echo(json.dumps({"schema_version": 1, "folder": str(states_folder()), "bytes": total, "states": rows}))
        return
    texts = [("ID", "DOCUMENTS", "TOKENS", "READ ON", "SIZE", "STATE"), *map(_row, kept)]
    widths = [max(len(row[column]) for row in texts) for column in range(6)]
    for name, documents, tokens, read_on, size, state in texts:
        typer.echo(
            f"{name:<{widths[0]}}  {documents:<{widths[1]}}  {tokens:>{widths[2]}}  {read_on:<{widths[3]}}  "
            f"{size:>{widths[4]}}  {state}"
        )


@cache_app.command()
def show(name: Name, as_json: Json = False) -> None:
    """Show all that a state says of itself: documents, model, slots."""
    from freqkv_cli.states.state_cache import find_kept

    kept = find_kept(name)
    if as_json:
        typer.echo(json.dumps({"schema_version": 1, "states": [described(one) for one in kept]}))
        return
    for one in kept:
        rows = {"file": str(one.path), "size": memory(one.bytes), "state": _state(one)}
        if (told := one.manifest) is not None:
            reader, slots = told.reader, told.slots
            rows |= {
                "documents": ", ".join(document.name for document in told.documents),
                "read": f"{whole(told.tokens_read)} tokens on {told.read_on}, in {told.read_seconds:.0f} s",
                "model": f"{reader.id} ({reader.quantization}, {reader.dtype}, {reader.device})",
                "slots": f"{slots.cache_size}, {slots.policy}, {slots.sink_tokens} sinks, ratio {slots.retain_ratio}",
                "stored as": told.stored_dtype,
                "freqkv": told.freqkv,
            }
        for label, value in rows.items():
            typer.echo(f"{label:<10} {one_line(value)}")


@cache_app.command()
def rm(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME...", help="Documents' names, or the first letters of ids.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Remove all of them.")] = False,
    yes: Yes = False,
) -> None:
    """Remove states, and the text in them, from this machine."""
    from freqkv_cli.states.state_cache import find_kept, list_kept

    if bool(names) == everything:
        raise UsageError("name what to remove, or give --all: freqkv cache rm NAME..., freqkv cache list")
    chosen = list_kept() if everything else [one for name in names or [] for one in find_kept(name)]
    found = list({one.path: one for one in chosen}.values())
    size = memory(sum(one.bytes for one in found))
    if found and not yes:
        if not sys.stdin.isatty():
            raise UsageError("to remove states without being asked, add --yes")
        if not typer.confirm(f"Remove {plural(len(found), 'state')} ({size})?", err=True):
            typer.echo("nothing was removed", err=True)
            return
    for one in found:
        one.path.unlink(missing_ok=True)
    typer.echo(f"removed {plural(len(found), 'state')}: {size} freed", err=True)


@cache_app.command(cls=ConfiguredCommand)
@takes_settings(*(name for name in setting_types() if name != "states_limit"))
def prune(ctx: typer.Context, *, settings: Settings, output: Output) -> None:
    """Remove what was not used for longest, until no more than the limit is kept."""
    from freqkv_cli.states.state_cache import prune, remove_drafts

    remove_drafts(".*")
    removed = prune(settings.states_limit * MEGABYTE)
    freed = memory(sum(one.bytes for one in removed))
    typer.echo(f"removed {plural(len(removed), 'state')}: {freed} freed", err=True)


def described(kept: "Kept") -> dict[str, Any]:
    """The part of a JSON report that is about one state. Sizes are bytes, times are seconds."""
    told = kept.manifest.table() if kept.manifest else None
    used = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(kept.used))
    return {
        "id": kept.path.name[:SHORT],
        "path": str(kept.path),
        "bytes": kept.bytes,
        "used": used,
        "state": _state(kept),
        "manifest": told,
    }


def _row(kept: "Kept") -> tuple[str, ...]:
    told = kept.manifest
    if told is None:
        return kept.path.name[:SHORT], "-", "-", "-", memory(kept.bytes), _state(kept)
    documents = one_line(", ".join(document.name for document in told.documents))
    return (
        kept.path.name[:SHORT],
        documents if len(documents) <= 40 else f"...{documents[-37:]}",
        whole(told.tokens_read),
        told.read_on,
        memory(kept.bytes),
        _state(kept),
    )


def _state(kept: "Kept") -> str:
    if kept.manifest is None:
        return kept.problem
    return "ready" if kept.manifest.complete else "not finished"
