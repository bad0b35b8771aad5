"""A run that was stopped goes on bit for bit: weights, optimizer, position and losses in one file."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from freqkv_cli.errors import StateError, UsageError
from freqkv_cli.models.adapter import whole_file
from freqkv_cli.training.lora import lora_weights
from freqkv_cli.training.trainer import Position, Trainer

NAME = "checkpoint.pt"
Curve = list[dict[str, Any]]  # step and tokens, and `loss` or `validation` in nats per token


def write_checkpoint(folder: Path, trainer: Trainer, position: Position, curve: Curve, what: Mapping[str, Any]) -> None:
    """Keep where a run stands. `what` is all that has to be the same when it goes on, as a JSON object."""
    kept = {
        "position": asdict(position),
        "curve": curve,
        "what": json.dumps(what),
        "weights": {name: weight.detach() for name, weight in lora_weights(trainer.model)},
        "optimizer": trainer.optimizer.state_dict(),
    }
    with whole_file(folder / NAME) as draft:
        torch.save(kept, draft)


def read_checkpoint(folder: Path, trainer: Trainer, what: Mapping[str, Any]) -> tuple[Position, Curve]:
    """Let `trainer` be where the run in `folder` stood, and return what it had noted. Raises StateError when the file
    cannot be used, UsageError when the run was another one.
    """
    path = folder / NAME
    try:
        kept = torch.load(path, map_location="cpu", weights_only=True)
        require_same(path, json.loads(kept["what"]), json.loads(json.dumps(what)))
        for name, weight in lora_weights(trainer.model):
            weight.data.copy_(kept["weights"][name])
        trainer.optimizer.load_state_dict(kept["optimizer"])
        return Position(**kept["position"]), kept["curve"]
    except (OSError, EOFError, UnpicklingError, RuntimeError, ValueError, KeyError, TypeError) as error:
        problem = str(error).partition("\n")[0]
        raise StateError(f"the checkpoint {path} cannot be used ({problem}): remove it to start anew") from None


def require_same(path: Path, known: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raise UsageError, naming what differs, when a run would go on as another one."""
    differing = [name for name in {**known, **now} if known.get(name) != now.get(name)]
    if differing:
        listed = ", ".join(f"{name} was {known.get(name)!r} and is {now.get(name)!r}" for name in differing)
        raise UsageError(f"--resume: the run in {path.parent} was another one ({listed}); give what it was given")
