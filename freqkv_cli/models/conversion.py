"""A GGUF file becomes a folder of safetensors that loads in a second: weights in bfloat16, tokenizer, config."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from freqkv_cli.errors import MemoryLimitError, ModelError
from freqkv_cli.models.gguf.index import GgufIndex, make_index, write_index
from freqkv_cli.models.memory import available_memory, readable
from freqkv_cli.models.quiet_transformers import quiet_transformers
from freqkv_cli.models.support import check_supported

MAGIC = b"GGUF"
BYTES_PER_PARAMETER = 2  # bfloat16
PEAK_OVER_WEIGHTS = 2.2  # measured with SmolLM2-135M: dequantised tensors beside the model they are copied into


@dataclass(frozen=True, slots=True)
class GgufFacts:
    """What a GGUF file says of itself. `index`: where its weights lie, None if they have to be converted."""

    architecture: str
    parameters: int
    index: GgufIndex | None

    @property
    def converted_bytes(self) -> int:
        """The size of what conversion writes, beside some megabytes of tokenizer."""
        return self.parameters * BYTES_PER_PARAMETER if self.index is None else 0


def read_facts(path: Path) -> GgufFacts:
    """Read a GGUF file's header and check that the file is as long as it says. Raises ModelError if it is broken."""
    with path.open("rb") as file:
        if file.read(4) != MAGIC:
            raise ModelError(f"{path} is not a GGUF file")
    import gguf

    from freqkv_cli.quantized.blocks import LAYOUTS

    try:
        reader = gguf.GGUFReader(path)
        architecture = str(reader.fields["general.architecture"].contents())
        parameters = sum(int(tensor.n_elements) for tensor in reader.tensors)
    except Exception as error:  # the reader indexes into the file: broken bytes can raise anything
        raise ModelError(f"{path} is a broken GGUF file (cut off or damaged): download it again") from error
    return GgufFacts(architecture, parameters, make_index(reader, architecture, path.stat().st_size, LAYOUTS))


@quiet_transformers()
def convert_gguf(gguf: Path, folder: Path) -> None:
    """Write into `folder` what a GGUF file needs to be read with: config, tokenizer, and where its weights lie.

    Weights that freqkv cannot multiply as they lie are written there too, dequantised to bfloat16. Raises ModelError
    if the file is broken or not supported, MemoryLimitError if what has to be unpacked does not fit into memory.
    """
    facts = read_facts(gguf)
    if facts.index is None:
        needed, available = int(PEAK_OVER_WEIGHTS * facts.converted_bytes), available_memory("cpu")
        if needed > available:
            raise MemoryLimitError(
                f"unpacking {gguf.name} takes about {readable(needed)} of memory and {readable(available)} are free: "
                "use a smaller model, or the same model as a hub id"
            )
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GgufConfig

    place, name = str(gguf.parent), gguf.name
    try:
        config = AutoConfig.from_pretrained(place, gguf_file=name, local_files_only=True, trust_remote_code=False)
        check_supported(config)
        tokenizer = AutoTokenizer.from_pretrained(place, gguf_file=name, local_files_only=True)
        model = None
        if facts.index is None:
            model = AutoModelForCausalLM.from_pretrained(
                place,
                config=config,
                gguf_file=name,
                dtype=torch.bfloat16,
                quantization_config=GgufConfig(dequantize=True),
                local_files_only=True,
            )
    except ModelError:
        raise
    except OSError:
        raise
    except Exception as error:  # transformers raises whatever the missing piece makes it raise
        raise ModelError(
            f"{gguf.name} ({facts.architecture}) cannot be converted: {str(error).strip().splitlines()[0][:200]}"
        ) from error
    name_special_tokens(tokenizer, config)
    tokenizer.save_pretrained(folder)
    if model is not None:
        model.save_pretrained(folder)
    elif facts.index is not None:
        config.save_pretrained(folder)
        write_index(facts.index, folder)


def name_special_tokens(tokenizer: Any, config: Any) -> None:
    """Let the tokenizer have the special tokens of the config: transformers 5.17 takes a wrong end from a GGUF file."""
    for role in ("bos_token", "eos_token", "pad_token"):
        number = getattr(config, f"{role}_id", None)
        token = tokenizer.convert_ids_to_tokens(number) if isinstance(number, int) else None
        if token is not None and getattr(tokenizer, role) != token:
            tokenizer.add_special_tokens({role: token})
