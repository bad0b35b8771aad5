"""A model whose matrices stay in its GGUF file: mapped, in blocks, dequantized only where they are multiplied."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from freqkv_cli.errors import ModelError
from freqkv_cli.models.adapter import Adapter, read_changes
from freqkv_cli.models.gguf.index import F32, GgufIndex, StoredTensor
from freqkv_cli.quantized.modules import Matrix, QuantizedEmbedding, QuantizedLinear, QuantizedMLP, pack

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

EMBEDDING, HEAD = "model.embed_tokens.weight", "lm_head.weight"


class MappedGguf:
    """The tensors of a GGUF file, by their names in transformers; bytes are read from the disk when they are used.

    Raises ModelError if the file is gone or has another size than when it was indexed.
    """

    def __init__(self, path: Path, index: GgufIndex, config: "PretrainedConfig") -> None:
        if not path.is_file() or path.stat().st_size != index.bytes:
            raise ModelError(f"{path} is not the file that it was, or gone: name the GGUF file again with --model")
        self._bytes = np.asarray(np.memmap(path, np.uint8, mode="r"))
        self._index = index
        self._config = config

    def names(self) -> list[str]:
        """The tensors that there are."""
        return list(self._index.tensors)

    def vector(self, name: str) -> Tensor:
        """A tensor of one dimension, in float32, copied."""
        return torch.from_numpy(self._data(self._index.tensors[name]).view(np.float32).copy())

    def matrix(self, name: str) -> Matrix:
        """A tensor of two dimensions, in its blocks."""
        place = self._index.tensors[name]
        rows, columns = place.shape
        blocks = self._data(place).reshape(rows, -1)
        heads = self._heads(name)
        if heads:
            blocks = in_halves(blocks, heads)
            blocks.flags.writeable = False
        return Matrix(place.kind, blocks, columns)

    def tensor(self, name: str) -> Tensor:
        """Any tensor, in float32."""
        return self.vector(name) if self._index.tensors[name].kind == F32 else self.matrix(name).dequantize()

    def _data(self, place: StoredTensor) -> NDArray[Any]:
        return self._bytes[place.offset : place.offset + place.bytes]

    def _heads(self, name: str) -> int:
        """The heads whose rows are in another order in the file; 0 for none."""
        if self._index.architecture != "llama":
            return 0
        if name.endswith("q_proj.weight"):
            return int(self._config.num_attention_heads)
        return int(self._config.num_key_value_heads) if name.endswith("k_proj.weight") else 0


def in_halves(rows: NDArray[Any], heads: int) -> NDArray[Any]:
    """The rows of queries or keys, [rows, ...], in the order of transformers: the two channels of a rotating pair are
    half a head apart. llama.cpp has them side by side in files of this architecture (its convert_hf_to_gguf.py).
    """
    pairs = rows.reshape(heads, len(rows) // heads // 2, 2, *rows.shape[1:])
    return np.ascontiguousarray(pairs.swapaxes(1, 2)).reshape(rows.shape)


def build_model(
    mapped: MappedGguf, config: "PretrainedConfig", adapter: Adapter | None = None, **options: Any
) -> "PreTrainedModel":
    """The causal LM of a GGUF file on the CPU, in eval mode, with its matrices where they are.

    Those that an adapter changes are merged with it and held in blocks of 8 bits. options: `dtype` (of everything but
    matrices) and, if it is not the default, `attn_implementation`.
    """
    from transformers import AutoModelForCausalLM, initialization

    with initialization.no_init_weights():  # memory that is never touched is never there
        model = AutoModelForCausalLM.from_config(config, **options)
    changes = {} if adapter is None else read_changes(adapter, model.state_dict())

    def matrix_of(name: str) -> Matrix:
        kept = mapped.matrix(name)
        return pack(kept.dequantize() + changes[name]()) if name in changes else kept

    embedding = matrix_of(EMBEDDING)
    known = set(mapped.names())
    head = HEAD if HEAD in known else EMBEDDING
    for path, module in list(model.named_modules()):
        name = f"{path}.weight"
        if isinstance(module, nn.Embedding):
            _replace(model, path, QuantizedEmbedding(embedding, options["dtype"]))
        elif isinstance(module, nn.Linear):
            bias = f"{path}.bias"
            added = mapped.vector(bias).to(options["dtype"]) if module.bias is not None else None
            matrix = embedding if name == HEAD and head == EMBEDDING else matrix_of(name)
            _replace(model, path, QuantizedLinear(matrix, added))
        elif name in known:
            with torch.no_grad():
                module.weight.copy_(mapped.vector(name))
    if config.hidden_act == "silu":
        for layer in model.base_model.layers:
            mlp = layer.mlp
            layer.mlp = QuantizedMLP(mlp.gate_proj, mlp.up_proj, mlp.down_proj)
    return model.eval()


def fill_model(
    mapped: MappedGguf, config: "PretrainedConfig", adapter: Adapter | None = None, **options: Any
) -> "PreTrainedModel":
    """The same with matrices of numbers in `dtype`, dequantized and merged with an adapter one after the other."""
    from transformers import AutoModelForCausalLM, initialization

    with initialization.no_init_weights():
        model = AutoModelForCausalLM.from_config(config, **options)
    model.tie_weights()
    held: dict[str, Tensor] = model.state_dict()
    changes = {} if adapter is None else read_changes(adapter, held)
    with torch.no_grad():
        for name in mapped.names():
            tensor = mapped.tensor(name)
            held[name].copy_(tensor.float() + changes[name]() if name in changes else tensor)
    return model.eval()


def _replace(model: nn.Module, path: str, module: nn.Module) -> None:
    parent, _, name = path.rpartition(".")
    setattr(model.get_submodule(parent), name, module)
