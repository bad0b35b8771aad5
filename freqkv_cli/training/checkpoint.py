"""A run that was stopped goes on bit for bit: weights, optimizer and position in one file that appears whole or not."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from freqkv_cli.errors import StateError, UsageError
from freqkv_cli.training.lora import lora_weights
from freqkv_cli.training.trainer import Position, Trainer

NAME = "checkpoint.safetensors"
FORMAT = 1
WEIGHT, MEAN, SQUARE = "weight:", "mean:", "square:"


def write_checkpoint(folder: Path, trainer: Trainer, position: Position, what: Mapping[str, Any]) -> None:
    """Keep where a run stands. `what` is all that has to be the same when it goes on, as a JSON object."""
    tensors: dict[str, Tensor] = {}
    for name, weight in lora_weights(trainer.model):
        state = trainer.optimizer.state.get(weight) or {}
        tensors[WEIGHT + name] = weight.detach().contiguous()
        if state:
            tensors[MEAN + name], tensors[SQUARE + name] = state["exp_avg"], state["exp_avg_sq"]
    said = json.dumps({"format": FORMAT, "position": asdict(position), "what": what})
    draft = folder / f".{NAME}.draft"
    save_file(tensors, draft, metadata={"freqkv": said})
    draft.replace(folder / NAME)


def read_checkpoint(folder: Path, trainer: Trainer, what: Mapping[str, Any]) -> Position:
    """Let `trainer` be where the run in `folder` stood. Raises StateError when the file is damaged, UsageError when
    the run was another one.
    """
    path = folder / NAME
    try:
        with safe_open(path, framework="pt") as file:
            said = json.loads((file.metadata() or {})["freqkv"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        position = Position(**said["position"])
        known = said["what"]
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise StateError(f"the checkpoint {path} cannot be used ({error}): remove it to start anew") from None
    if said["format"] != FORMAT:
        raise StateError(f"the checkpoint {path} is of another version of freqkv: remove it to start anew")
    require_same(path, known, what)
    try:
        for name, weight in lora_weights(trainer.model):
            weight.data.copy_(tensors[WEIGHT + name])
            if position.step:
                trainer.optimizer.state[weight] = {
                    "step": torch.tensor(float(position.step)),
                    "exp_avg": tensors[MEAN + name].to(weight.device),
                    "exp_avg_sq": tensors[SQUARE + name].to(weight.device),
                }
    except (KeyError, RuntimeError) as error:
        raise StateError(f"the checkpoint {path} does not go with this model ({error}): remove it") from None
    return position


def require_same(path: Path, known: Any, what: Mapping[str, Any]) -> None:
    """Raise UsageError, naming what differs, when a run would go on as another one."""
    now = json.loads(json.dumps(what))
    if not isinstance(known, dict):
        raise StateError(f"the checkpoint {path} is damaged: remove it to start anew")
    differing = [name for name in {**known, **now} if known.get(name) != now.get(name)]
    if differing:
        listed = ", ".join(f"{name} was {known.get(name)!r} and is {now.get(name)!r}" for name in differing)
        raise UsageError(f"--resume: the run in {path.parent} was another one ({listed}); give what it was given")
