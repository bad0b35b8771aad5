"""Weights straight from mapped safetensors files into a model, where the files name exactly what the model holds."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import safe_open
from torch import Tensor

from freqkv_cli.models.adapter import Adapter, merge_adapter

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel


def read_model(
    folder: Path, config: "PretrainedConfig", adapter: Adapter | None = None, **options: Any
) -> "PreTrainedModel | None":
    """Return the causal LM of `folder` on the CPU, in eval mode; None where transformers' loader has to be asked.

    That one converts, renames, splits and fuses tensors for every model there is, and makes the model without memory
    first, for which torch imports its compiler: more than a second. Here the numbers are copied once, as they are.
    An `adapter` is merged. options: `dtype` (a torch.dtype) and, if it is not the default, `attn_implementation`.
    """
    from transformers import AutoModelForCausalLM, GenerationConfig, initialization

    stored = map_tensors(folder, adapter)
    with initialization.no_init_weights():  # every number is read below, or there is no model
        model = AutoModelForCausalLM.from_config(config, **options)
    model.tie_weights()
    held: dict[str, Tensor] = model.state_dict()
    if not _are_the_same(held, stored):
        return None
    with torch.no_grad():
        for name, tensor in held.items():
            if name in stored:
                tensor.copy_(stored[name])
    if (folder / "generation_config.json").is_file():
        model.generation_config = GenerationConfig.from_pretrained(folder, local_files_only=True)
    model.name_or_path = str(folder)
    return model.eval()


def map_tensors(folder: Path, adapter: Adapter | None = None) -> dict[str, Tensor]:
    """Every tensor of a folder, by its name; the bytes stay in the files until they are looked at.

    Those that an `adapter` changes are merged with it, in fp32.
    """
    tensors = {}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            tensors.update({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    return tensors if adapter is None else merge_adapter(adapter, tensors)


def _are_the_same(held: dict[str, Tensor], stored: dict[str, Tensor]) -> bool:
    """Whether the files hold each tensor of the model once, in its shape; tied ones need not be there twice."""
    filled = {held[name].data_ptr() for name in stored if name in held}
    return (
        stored.keys() <= held.keys()
        and all(tensor.data_ptr() in filled for tensor in held.values())
        and all(held[name].shape == tensor.shape for name, tensor in stored.items())
        and all(tensor.is_floating_point() for tensor in stored.values())
    )
