"""Files become a model in memory: config, tokenizer, weights on their device."""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from freqkv_cli.errors import FreqkvError, ModelError
from freqkv_cli.models.adapter import Adapter, merge_adapter, read_importance
from freqkv_cli.models.device import Placement, Quant, choose_placement
from freqkv_cli.models.gguf.index import INDEX, GgufIndex, read_index
from freqkv_cli.models.lazy_imports import import_modeling
from freqkv_cli.models.malloc_tuning import keep_freed_memory
from freqkv_cli.models.memory import explain_out_of_memory, is_out_of_memory
from freqkv_cli.models.quiet_transformers import quiet_transformers
from freqkv_cli.models.source import ModelSource
from freqkv_cli.models.support import check_supported

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

    from freqkv_cli.quantized.modules import Matrix

PLAIN_TOKENIZERS = ("TokenizersBackend", "PreTrainedTokenizerFast")


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model that can read, and how it was loaded. `notes` say what was chosen for the user, and why."""

    model: "PreTrainedModel"
    tokenizer: "PreTrainedTokenizerBase"
    source: ModelSource
    quant: Quant
    dtype: str
    device: str
    weight_bytes: int
    notes: list[str] = field(default_factory=list)
    adapter: Adapter | None = None
    importance: "Tensor | None" = None  # of the adapter, for the cache's policy

    @property
    def parameters(self) -> int:
        """How many weights the model has, those in blocks included."""
        return self.model.num_parameters() + sum(math.prod(one.shape) for one in matrices(self.model))


@quiet_transformers()
def load_config(source: ModelSource) -> "PretrainedConfig":
    """The config of a supported model. Raises ModelError if it is broken or the architecture is not supported."""
    import_modeling()  # configs import most of it
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(source.folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # a broken config.json can raise anything
        _refuse(source, "config", error)
    check_supported(config)
    return config


@quiet_transformers()
def load_tokenizer(source: ModelSource) -> "PreTrainedTokenizerBase":
    """The tokenizer of a model, without its weights. Raises ModelError if it is missing or broken."""
    try:
        if _is_plain_tokenizer(Path(source.folder)):
            # AutoTokenizer would first import the model's config, which takes a second.
            from transformers import PreTrainedTokenizerFast

            return PreTrainedTokenizerFast.from_pretrained(source.folder, local_files_only=True)
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(source.folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # a broken tokenizer file can raise anything
        _refuse(source, "tokenizer", error)


@quiet_transformers()
def load_model(
    source: ModelSource,
    *,
    device: str = "auto",
    dtype: str = "auto",
    quant: str = "auto",
    attn_implementation: str | None = None,
    tokenizer: "PreTrainedTokenizerBase | None" = None,
    adapter: Adapter | None = None,
) -> LoadedModel:
    """Load a model onto a device, in eval mode, and its tokenizer if that has not been loaded before.

    An `adapter` is merged into the weights before they are quantized.

    Raises ModelError if the files are broken or incomplete or this machine cannot do what is asked, MemoryLimitError
    if the weights do not fit. Whether cache and activations fit as well is the caller's question (see memory.py).
    """
    config = load_config(source)
    blocks = stays_in_blocks(source)
    placement = choose_placement(config, device=device, dtype=dtype, quant=quant, blocks=blocks)
    if tokenizer is None:
        tokenizer = load_tokenizer(source)
    notes = list(placement.notes)
    model = _load_weights(source, config, placement, attn_implementation, notes, adapter)
    if placement.device == "cpu":
        keep_freed_memory()  # after loading, which leaves nothing behind that is needed again
    importance = None if adapter is None else read_importance(adapter.folder)
    if importance is not None:
        importance = importance.to(placement.device)  # here, or each compression would copy it there
    return LoadedModel(
        model=model,
        tokenizer=tokenizer,
        source=source,
        quant="none" if placement.quant == "gguf" and not matrices(model) else placement.quant,
        dtype=placement.dtype,
        device=placement.device,
        weight_bytes=model.get_memory_footprint(return_buffers=False) + sum(one.bytes for one in matrices(model)),
        notes=notes,
        adapter=adapter,
        importance=importance,
    )


def _load_weights(
    source: ModelSource,
    config: "PretrainedConfig",
    placement: Placement,
    attn_implementation: str | None,
    notes: list[str],
    adapter: Adapter | None,
) -> "PreTrainedModel":
    import torch

    import_modeling()
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, AutoModelForCausalLM

    from freqkv_cli.models.weights import map_tensors, read_model

    index = read_index(Path(source.folder))
    options: dict[str, Any] = {"dtype": getattr(torch, placement.dtype)}
    if attn_implementation is not None:
        options["attn_implementation"] = attn_implementation
    packed = placement.quant in ("4bit", "8bit")
    if packed:
        options["quantization_config"] = _quantization(placement)
    if packed or placement.device != "cpu":
        options["device_map"] = {"": placement.device}
    try:
        if index is not None:
            return _from_blocks(source, index, config, placement, adapter, options, notes)
        if placement.device == "cpu" and placement.quant == "none" and _is_plain(config):
            model = read_model(Path(source.folder), config, adapter, **options)
            if model is not None:
                return model
        if adapter is None:
            loader, place = AutoModelForCausalLM, source.folder
        else:
            require_plain_weights(source, config, adapter)
            loader, place = MODEL_FOR_CAUSAL_LM_MAPPING[type(config)], None
            options["state_dict"] = map_tensors(Path(source.folder), adapter)
        model, report = loader.from_pretrained(
            place,
            config=config,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            output_loading_info=True,
            **options,
        )
    except Exception as error:
        if is_out_of_memory(error):
            raise explain_out_of_memory(error) from error
        _refuse(source, "weights", error)
    if report["missing_keys"]:  # transformers would fill them with random numbers
        some = sorted(report["missing_keys"])[0]
        raise ModelError(
            f"the weights of {source.name} are incomplete: {len(report['missing_keys'])} tensors are missing, "
            f"among them {some}; download the model again"
        )
    return model


def _from_blocks(
    source: ModelSource,
    index: GgufIndex,
    config: "PretrainedConfig",
    placement: Placement,
    adapter: Adapter | None,
    options: dict[str, Any],
    notes: list[str],
) -> "PreTrainedModel":
    """The model of a GGUF file whose weights lie there in blocks: with these, or with what they stand for."""
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING

    from freqkv_cli.models.gguf.model import MappedGguf, build_model, fill_model
    from freqkv_cli.quantized.modules import multiplies_rightly

    mapped = MappedGguf(Path(source.gguf_file or ""), index, config)
    if placement.quant == "gguf":
        model = build_model(mapped, config, adapter, **options)
        if multiplies_rightly(matrices(model)):
            return model
        notes.append(f"weights unpacked to {placement.dtype}: this processor multiplies them wrongly where they lie")
        return fill_model(mapped, config, adapter, **options)
    if placement.device == "cpu" and placement.quant == "none":
        return fill_model(mapped, config, adapter, **options)
    tensors = {name: mapped.tensor(name).to(options["dtype"]) for name in index.tensors}
    if adapter is not None:
        tensors = merge_adapter(adapter, tensors)
    loader = MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]
    whole: PreTrainedModel = loader.from_pretrained(None, config=config, state_dict=tensors, **options)
    return whole


def stays_in_blocks(source: ModelSource) -> bool:
    """Whether the weights of a model can stay in the blocks of its GGUF file."""
    return (Path(source.folder) / INDEX).is_file()


def matrices(model: Any) -> "list[Matrix]":
    """The matrices of a model that are kept in blocks, each once."""
    found = {id(module.matrix): module.matrix for module in model.modules() if hasattr(module, "matrix")}
    return list(found.values())


def require_plain_weights(source: ModelSource, config: "PretrainedConfig", adapter: Adapter) -> None:
    """Raise ModelError when an adapter should be merged into weights that come quantized."""
    if not _is_plain(config):
        raise ModelError(
            f"{source.name} comes quantized, and the adapter {adapter.name} can only be merged into whole weights: use "
            "the model that it was quantized from, or --adapter none"
        )


def _is_plain(config: "PretrainedConfig") -> bool:
    return getattr(config, "quantization_config", None) is None


def _quantization(placement: Placement) -> Any:
    import torch
    from transformers import BitsAndBytesConfig

    if placement.quant == "8bit":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=getattr(torch, placement.dtype),
    )


def _is_plain_tokenizer(folder: Path) -> bool:
    if not (folder / "tokenizer.json").is_file():
        return False
    settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    return settings.get("tokenizer_class") in PLAIN_TOKENIZERS


def _refuse(source: ModelSource, part: str, error: Exception) -> NoReturn:
    if isinstance(error, FreqkvError):
        raise error
    reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    raise ModelError(f"the {part} of {source.name} cannot be loaded: {reason[:200]}") from error
