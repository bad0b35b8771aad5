"""Which device, number format and quantization: what `auto` means here, and what cannot be."""

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal

from freqkv_cli.errors import ModelError
from freqkv_cli.models.device_defaults import device_defaults
from freqkv_cli.models.memory import (
    USABLE_SHARE,
    available_memory,
    estimate_memory,
    readable,
)
from freqkv_cli.models.support import model_window

if TYPE_CHECKING:
    from transformers import PretrainedConfig

Quant = Literal["4bit", "8bit", "gguf", "none"]  # gguf: in the blocks of the file
DTYPES = ("float32", "bfloat16", "float16")
BITSANDBYTES_HINT = "install it with `pip install bitsandbytes`, or use --quant none"


@dataclass(frozen=True, slots=True)
class Placement:
    """Where and how the weights will be; `notes` say what was chosen for the user, and why."""

    device: str
    dtype: str
    quant: Quant
    notes: tuple[str, ...] = ()


def choose_placement(
    config: "PretrainedConfig",
    *,
    device: str = "auto",
    dtype: str = "auto",
    quant: str = "auto",
    blocks: bool = False,
    cache_size: int | None = None,
    chunk: int | None = None,
) -> Placement:
    """Resolve every `auto` for this model on this machine. Raises ModelError for what this machine cannot do.

    blocks: the weights lie in blocks of a GGUF file that can be multiplied as they are. cache_size, chunk: where the
    user chose them; they have to fit as well.
    """
    notes: list[str] = []
    place = choose_device(device)
    number = _choose_dtype(dtype, place, notes)
    if quant == "auto" and place.startswith("cuda") and _is_whole(config):
        return Placement(place, number, _fitting_quant(config, number, place, notes, cache_size, chunk), tuple(notes))
    return Placement(place, number, _choose_quant(config, quant, place, notes, blocks), tuple(notes))


def choose_device(device: str) -> str:
    """`auto` is the GPU with the most free memory, else the CPU. Raises ModelError if there is no such device."""
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device == "cpu" or (device == "auto" and count == 0):
        return "cpu"
    if device in ("auto", "cuda"):
        if count == 0:
            raise ModelError("no CUDA device is available to torch: use --device cpu, or see `freqkv doctor`")
        return f"cuda:{max(range(count), key=lambda index: torch.cuda.mem_get_info(index)[0])}"
    if device.startswith("cuda:") and device[5:].isdecimal():
        if int(device[5:]) >= count:
            raise ModelError(f"there is no device {device}: torch sees {count} CUDA devices; see `freqkv info`")
        return device
    if device == "mps":
        if not torch.backends.mps.is_available():
            raise ModelError("no MPS device is available to torch: use --device cpu")
        return "mps"
    raise ModelError(f"unknown device {device}: use auto, cpu, cuda, cuda:N or mps")


def _choose_dtype(dtype: str, device: str, notes: list[str]) -> str:
    import torch

    if dtype in DTYPES:
        return dtype
    if dtype != "auto":
        raise ModelError(f"unknown dtype {dtype}: use auto, {', '.join(DTYPES)}")
    if device == "cpu":
        if _cpu_has_bfloat16():
            return "bfloat16"
        # Emulated, bfloat16 reads a third as fast as float32 at best (measured with AVX2), though it decodes faster.
        notes.append("dtype float32: this CPU is not known to have bfloat16 instructions")
        return "float32"
    if device == "mps":
        return "bfloat16"
    if torch.cuda.get_device_capability(device)[0] >= 8:
        return "bfloat16"
    notes.append("dtype float16: this GPU has no bfloat16 instructions")
    return "float16"


def _is_whole(config: "PretrainedConfig") -> bool:
    """Whether a model does not come quantized."""
    return getattr(config, "quantization_config", None) is None


def _fitting_quant(
    config: "PretrainedConfig", dtype: str, device: str, notes: list[str], cache_size: int | None, chunk: int | None
) -> Quant:
    """What `--quant auto` is on a CUDA device: whole weights, which are quicker to load and exact, where they fit
    beside a cache, else 4 bits.
    """
    chosen = device_defaults(device)
    slots = cache_size or min(model_window(config), chosen.slots)
    needed = estimate_memory(
        config, quant="none", dtype=dtype, device=device, cache_size=slots, chunk=chunk or chosen.chunk
    ).total
    free = available_memory(device)
    if needed <= USABLE_SHARE * free:
        return "none"
    told = f"{dtype} weights and a cache of {slots:,} slots take about {readable(needed)}, {readable(free)} are free"
    if find_spec("bitsandbytes") is None:
        notes.append(f"quant none: bitsandbytes is not installed, else auto were 4bit ({told})")
        return "none"
    notes.append(f"quant 4bit: {told}")
    return "4bit"


def _choose_quant(config: "PretrainedConfig", quant: str, device: str, notes: list[str], blocks: bool) -> Quant:
    if not _is_whole(config):
        if quant != "auto":
            notes.append(f"--quant {quant} has no effect: the model comes quantized")
        return "none"
    if quant == "gguf" and not (device == "cpu" and blocks):
        raise ModelError("--quant gguf is for GGUF files of Llama, Mistral or Qwen2 on a CPU: use --quant auto")
    if quant == "gguf" or (quant == "auto" and device == "cpu" and blocks):
        return "gguf"
    if quant == "auto":
        notes.append(f"quant none: on {device} 4-bit weights take longer to load and are no faster to read with")
        return "none"
    if quant not in ("4bit", "8bit", "none"):
        raise ModelError(f"unknown quantization {quant}: use auto, 4bit, 8bit, gguf or none")
    if quant != "none" and device == "mps":
        raise ModelError(f"--quant {quant} does not work on mps: use --quant none or --device cpu")
    if quant != "none" and find_spec("bitsandbytes") is None:
        raise ModelError(f"--quant {quant} needs bitsandbytes: {BITSANDBYTES_HINT}")
    return quant  # type: ignore[return-value]


def _cpu_has_bfloat16() -> bool:
    import torch

    if hasattr(torch.cpu, "get_capabilities"):
        features = torch.cpu.get_capabilities()
        return any(features.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    return torch.cpu._is_avx512_bf16_supported()  # before torch had the public function
