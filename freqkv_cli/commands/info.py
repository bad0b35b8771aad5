"""freqkv info: versions, folders, devices and the default model, to look at or to paste into an issue."""

import json
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any

import typer

from freqkv_cli import __version__
from freqkv_cli.config import config_path
from freqkv_cli.terminal.number_format import memory
from freqkv_cli.terminal.printable import one_line

PACKAGES = (
    "torch",
    "transformers",
    "bitsandbytes",
    "accelerate",
    "tokenizers",
    "safetensors",
    "huggingface_hub",
    "gguf",
)


def info(as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False) -> None:
    """Show versions, folders, devices and whether the default model is there. No weights are loaded."""
    about = gather_info()
    if as_json:
        typer.echo(json.dumps({"schema_version": 1, **about}))
        return
    rows = [
        *about["versions"].items(),
        *((name, f"{place['path']} ({place['origin']})") for name, place in about["folders"].items()),
        *((device["name"], _device_text(device)) for device in about["devices"]),
        ("default model", _model_text(about["default_model"])),
        ("states", f"{about['states']['count']} kept, {memory(about['states']['bytes'])}"),
    ]
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        typer.echo(f"{name:<{width}}  {one_line(str(value or 'not installed'))}")


def gather_info() -> dict[str, Any]:
    """Everything that `info` shows; memory in bytes."""
    from freqkv_cli.models.aliases import AUTO
    from freqkv_cli.models.gguf.index import read_index
    from freqkv_cli.models.inventory import find_model
    from freqkv_cli.models.store import cache_folder
    from freqkv_cli.states.state_cache import list_kept, states_folder

    model = find_model(AUTO)
    index = read_index(Path(model.folder)) if model.folder and model.state == "ready" else None
    kept = list_kept()
    hub_variable = next((name for name in ("HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME") if os.environ.get(name)), None)
    return {
        "versions": {
            "freqkv": __version__,
            "python": f"{platform.python_version()} ({sys.executable})",
            "system": platform.platform(),
            **{package: _version(package) for package in PACKAGES},
        },
        "folders": {
            "config": _place(str(config_path()), "FREQKV_CONFIG"),
            "cache": _place(str(cache_folder()), "FREQKV_CACHE_DIR"),
            "states": _place(str(states_folder()), "FREQKV_CACHE_DIR"),
            "hub cache": _place(_hub_cache(), hub_variable),
        },
        "states": {"count": len(kept), "bytes": sum(one.bytes for one in kept)},
        "devices": _devices(),
        "default_model": {
            "name": model.name,
            "origin": model.origin,
            "state": model.state,
            "bytes": model.bytes,
            "weights_bytes": index.weight_bytes if index else None,
            "folder": model.folder,
        },
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _hub_cache() -> str:
    from huggingface_hub import constants

    return str(constants.HF_HUB_CACHE)


def _place(path: str, variable: str | None) -> dict[str, str]:
    set_by_user = variable is not None and os.environ.get(variable)
    return {"path": path, "origin": f"env {variable}" if set_by_user else "default"}


def _devices() -> list[dict[str, Any]]:
    import psutil
    import torch

    from freqkv_cli.models.memory import available_memory

    devices: list[dict[str, Any]] = [
        {
            "name": "cpu",
            "title": f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads",
            "total": psutil.virtual_memory().total,
            "free": available_memory("cpu"),
        }
    ]
    for index in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        properties = torch.cuda.get_device_properties(index)
        devices.append(
            {
                "name": f"cuda:{index}",
                "title": f"{properties.name}, compute capability {properties.major}.{properties.minor}",
                "total": properties.total_memory,
                "free": available_memory(f"cuda:{index}"),
            }
        )
    if torch.backends.mps.is_available():
        total = torch.mps.recommended_max_memory()
        devices.append({"name": "mps", "title": "Apple GPU", "total": total, "free": available_memory("mps")})
    return devices


def _device_text(device: dict[str, Any]) -> str:
    return f"{device['title']}, {memory(device['free'])} of {memory(device['total'])} free"


def _model_text(model: dict[str, Any]) -> str:
    size = f", {memory(model['bytes'])} in {model['folder']}" if model["folder"] else ""
    weights = f", on a CPU {memory(model['weights_bytes'])} of weights in memory" if model["weights_bytes"] else ""
    return f"{model['name']} ({model['origin']}): {model['state']}{size}{weights}"
