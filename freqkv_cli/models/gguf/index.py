"""Where the weights of a GGUF file lie, kept beside its tokenizer: to look through the file again takes seconds.

Only files whose matrices are all of types and names that freqkv knows have an index; their weights are never copied
out. The names are those of llama.cpp (gguf-py's tensor_mapping.py) and of transformers.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from freqkv_cli.errors import ModelError

INDEX = "gguf.json"  # in the folder of a stored model
ARCHITECTURES = ("llama", "qwen2")  # Mistral's files call themselves llama
F32 = 0  # the type's number in GGUF; those of blocks are in quantized/blocks.py
IGNORED = ("rope_freqs.weight",)  # transformers does not read them either
OUTER = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
PARTS = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor of the file: its type's number in GGUF, its shape as torch says it, and its bytes."""

    kind: int
    shape: tuple[int, ...]
    offset: int
    bytes: int


@dataclass(frozen=True, slots=True)
class GgufIndex:
    """The tensors of a GGUF file by their names in transformers. `bytes`: the size of the file."""

    architecture: str
    bytes: int
    tensors: dict[str, StoredTensor]

    @property
    def parameters(self) -> int:
        """The numbers in it."""
        total = 0
        for place in self.tensors.values():
            count = 1
            for size in place.shape:
                count *= size
            total += count
        return total

    @property
    def weight_bytes(self) -> int:
        """The bytes of all its tensors."""
        return sum(place.bytes for place in self.tensors.values())


def make_index(reader: Any, architecture: str, size: int, kinds: Any) -> GgufIndex | None:
    """The index of an open gguf.GGUFReader; None unless all matrices are of the `kinds` and all names are known."""
    if architecture not in ARCHITECTURES:
        return None
    tensors = {}
    for tensor in reader.tensors:
        if tensor.name in IGNORED:
            continue
        name, kind = _name(tensor.name), int(tensor.tensor_type)
        shape = tuple(int(length) for length in reversed(tensor.shape))
        if name is None or (kind not in kinds if len(shape) == 2 else kind != F32):
            return None
        tensors[name] = StoredTensor(kind, shape, int(tensor.data_offset), int(tensor.n_bytes))
    return GgufIndex(architecture, size, tensors)


def write_index(index: GgufIndex, folder: Path) -> None:
    """Keep an index in the folder of a stored model."""
    (folder / INDEX).write_text(json.dumps(asdict(index)), encoding="utf-8")


def read_index(folder: Path) -> GgufIndex | None:
    """The index of a stored model; None when it has none. Raises ModelError if it is broken."""
    path = folder / INDEX
    if not path.is_file():
        return None
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        tensors = {
            name: StoredTensor(place["kind"], tuple(place["shape"]), place["offset"], place["bytes"])
            for name, place in stored["tensors"].items()
        }
        return GgufIndex(stored["architecture"], stored["bytes"], tensors)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path} is broken: remove the model with `freqkv models rm` and load it again") from error


def _name(name: str) -> str | None:
    """What transformers calls a tensor of a GGUF file; None if that is not known."""
    if name in OUTER:
        return OUTER[name]
    match name.split("."):
        case ["blk", layer, part, ("weight" | "bias") as end] if part in PARTS:
            return f"model.layers.{layer}.{PARTS[part]}.{end}"
    return None
