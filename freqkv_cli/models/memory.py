"""How much memory the work takes, how much there is, and what to say when that does not fit."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from freqkv_cli.errors import MemoryLimitError
from freqkv_cli.models.device_defaults import device_defaults
from freqkv_cli.models.lazy_imports import import_modeling
from freqkv_cli.models.support import model_window

if TYPE_CHECKING:
    from transformers import PretrainedConfig

DTYPE_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
QUANT_BYTES = {"4bit": 0.5 + 0.127 / 8, "8bit": 1.0}  # per weight of a linear layer; NF4 with doubly quantized scales
CACHES = 2  # that a task holds at once, never more: tests/states/test_caches_held.py counts them
SLOT_STEP = 64
USABLE_SHARE = 0.9  # of what is free: allocators fragment, and other processes live
CPU_PACKING = (
    2.5  # times the unpacked weights, held while bitsandbytes packs them on a CPU: 2.3 (4bit), 2.6 (8bit) measured
)
KNOBS = "use a smaller --cache-size, --chunk or --model"
GPU_KNOBS = f"{KNOBS}, or --quant 4bit"


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """Bytes that a run holds at once."""

    weights: int
    cache: int
    activations: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.cache + self.activations


def estimate_memory(
    config: "PretrainedConfig",
    *,
    quant: str,
    dtype: str,
    device: str,
    cache_size: int,
    chunk: int,
    weights: int | None = None,
) -> MemoryEstimate:
    """Estimate the bytes of a run with `cache_size` slots, reading `chunk` tokens at a time.

    `weights` overrides the estimate of the weights: 0 when they are already loaded, the bytes on disk for a model that
    comes quantized. The cache counts CACHES times: the one that reads, and the one that a
    request is put to.
    """
    size = DTYPE_BYTES[dtype]
    if weights is None:
        weights = loading_bytes(config, quant=quant, dtype=dtype, device=device)
    return MemoryEstimate(
        weights=weights,
        cache=CACHES * slot_bytes(config, dtype) * cache_size,
        activations=_activation_bytes(config, quant, size, cache_size, chunk),
    )


def slot_bytes(config: "PretrainedConfig", dtype: str) -> int:
    """The bytes of one slot: a key and a value in every layer."""
    return 2 * config.num_hidden_layers * _kv_heads(config) * _head_dim(config) * DTYPE_BYTES[dtype]


def kv_shape(config: "PretrainedConfig") -> tuple[int, int, int]:
    """The layers of a model, and the heads and channels of the keys in each."""
    return config.num_hidden_layers, _kv_heads(config), _head_dim(config)


def weight_bytes(config: "PretrainedConfig", *, quant: str, dtype: str) -> int:
    """The bytes of the loaded weights, counted on a model without data. Takes a few tenths of a second."""
    import torch

    import_modeling()
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    total = sum(parameter.numel() for parameter in model.parameters())
    packed = 0
    if quant in QUANT_BYTES:
        head = model.get_output_embeddings()  # bitsandbytes leaves it as it is
        packed = sum(
            module.weight.numel()
            for module in model.modules()
            if isinstance(module, torch.nn.Linear) and module is not head
        )
    return round((total - packed) * DTYPE_BYTES[dtype] + packed * QUANT_BYTES.get(quant, 0.0))


def loading_bytes(config: "PretrainedConfig", *, quant: str, dtype: str, device: str) -> int:
    """The bytes that the weights take at the most, while they are loaded. Packing them on a CPU needs them unpacked."""
    packed = weight_bytes(config, quant=quant, dtype=dtype)
    if device != "cpu" or quant not in QUANT_BYTES:
        return packed
    return packed + round(CPU_PACKING * weight_bytes(config, quant="none", dtype=dtype))


def available_memory(device: str) -> int:
    """The bytes that are free on a device: cpu, mps or cuda:N."""
    if device == "cpu":
        import psutil

        return min(psutil.virtual_memory().available, *_control_group_rooms())
    import torch

    if device == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    index = torch.device(device).index
    return torch.cuda.mem_get_info(index)[0] + torch.cuda.memory_reserved(index) - torch.cuda.memory_allocated(index)


def require_fit(estimate: MemoryEstimate, available: int, *, device: str) -> None:
    """Raises MemoryLimitError, with both numbers and the knobs, if the estimate is more than the memory there is."""
    if estimate.total > available:
        raise MemoryLimitError(
            f"not enough memory on {device}: about {readable(estimate.total)} needed (weights "
            f"{readable(estimate.weights)}, cache {readable(estimate.cache)}, working memory "
            f"{readable(estimate.activations)}), {readable(available)} free: {KNOBS if device == 'cpu' else GPU_KNOBS}"
        )


def auto_cache_size(
    config: "PretrainedConfig",
    *,
    quant: str,
    dtype: str,
    device: str,
    chunk: int,
    available: int,
    weights: int | None = None,
) -> int:
    """The model's window in slots, at most what the device's defaults say, and what fits into 90 % of `available`.

    A multiple of 64, but for windows that are smaller than that.
    """
    if weights is None:
        weights = loading_bytes(config, quant=quant, dtype=dtype, device=device)

    def total(slots: int) -> int:
        return estimate_memory(
            config, quant=quant, dtype=dtype, device=device, cache_size=slots, chunk=chunk, weights=weights
        ).total

    window = min(model_window(config), device_defaults(device).slots)
    if window < SLOT_STEP:
        return window
    room = USABLE_SHARE * available - total(0)
    fitting = int(room // max(1, total(1) - total(0))) if room > 0 else 0  # the total is linear in the slots
    return max(SLOT_STEP, min(window, fitting) // SLOT_STEP * SLOT_STEP)


def explain_out_of_memory(error: BaseException) -> MemoryLimitError:
    """The MemoryLimitError to raise for an allocation that failed during the run."""
    if type(error).__name__ == "OutOfMemoryError":
        return MemoryLimitError(f"GPU memory ran out during the run: {GPU_KNOBS}")
    return MemoryLimitError(f"memory ran out during the run: {KNOBS}")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception is a failed allocation, on the GPU or on the CPU."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)


def readable(size: int) -> str:
    """Bytes as people read them: 257 MiB, 13.5 GiB."""
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"


def _activation_bytes(config: "PretrainedConfig", quant: str, size: int, slots: int, chunk: int) -> int:
    """The widest moment of one layer.

    Per token 4 hidden rows, and either q, k, v and the output or the three rows of the MLP; the mask; keys and values
    repeated for every head, or one layer's keys in fp32 while they are compressed (as they were, free of rotation,
    filtered, rotated); the logits of one token, with copies; and, if quantized, one unpacked matrix.
    """
    heads, kv_heads, head_dim = config.num_attention_heads, _kv_heads(config), _head_dim(config)
    attention = (2 * heads + 2 * kv_heads) * head_dim
    rows = chunk * (4 * config.hidden_size + max(attention, 3 * config.intermediate_size)) * size
    mask = chunk * slots * size
    repeated = 2 * heads * head_dim * slots * size
    compression = 4 * kv_heads * head_dim * slots * 4
    logits = 4 * config.vocab_size * 4
    unpacked = config.hidden_size * config.intermediate_size * size if quant in QUANT_BYTES else 0
    return rows + mask + max(repeated, compression) + logits + unpacked


def _kv_heads(config: "PretrainedConfig") -> int:
    return getattr(config, "num_key_value_heads", None) or config.num_attention_heads


def _head_dim(config: "PretrainedConfig") -> int:
    return getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads


def _control_group_rooms(
    membership: Path = Path("/proc/self/cgroup"), root: Path = Path("/sys/fs/cgroup")
) -> list[int]:
    """What each limit of this process's control groups (containers, batch jobs) still leaves; empty without limits."""
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return []
    rooms: list[int] = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            rooms += _rooms_upwards(root, path, "memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            rooms += _rooms_upwards(root / "memory", path, *names)
    return rooms


def _rooms_upwards(root: Path, path: str, limit_name: str, usage_name: str, reclaimable_name: str) -> list[int]:
    rooms = []
    group = root / path.strip("/")
    for folder in (group, *group.parents):
        if not folder.is_relative_to(root):
            break
        try:
            limit = (folder / limit_name).read_text().strip()
            usage = int((folder / usage_name).read_text())
            stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        except (OSError, ValueError):
            continue
        if limit != "max":
            rooms.append(max(0, int(limit) - usage + int(stat.get(reclaimable_name, 0))))
    return rooms
