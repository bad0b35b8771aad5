"""The two operations that are our own: attention of a chunk on the cache, and the filter."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.attention.bias import causal_lower_right
from torch.nn.functional import scaled_dot_product_attention

from freqkv_cli.benchmarks.deadline import Deadline
from freqkv_cli.benchmarks.gpu_scale import Scale
from freqkv_cli.benchmarks.stopwatch import seconds_per_call
from freqkv_cli.inference.attention import chunk_attention
from freqkv_cli.kvcache.dct import lowpass
from freqkv_cli.kvcache.fast_lowpass import BLOCKS, halve

BACKENDS = (
    SDPBackend.FLASH_ATTENTION,
    SDPBackend.CUDNN_ATTENTION,
    SDPBackend.EFFICIENT_ATTENTION,
    SDPBackend.MATH,
)


@torch.inference_mode()
def measure_attention(model: Any, scale: Scale, found: dict[str, Any], deadline: Deadline) -> dict[str, Any]:
    """Return milliseconds, operations per second and kernels of a chunk on a full cache, by way of doing it."""
    config, slots = model.config, scale.slots
    chunk = min(scale.chunk, slots // 2)
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    generator = torch.Generator(model.device).manual_seed(0)

    def rows(heads: int, count: int) -> Tensor:
        drawn = torch.randn(1, heads, count, head_dim, device=model.device, generator=generator)
        return drawn.to(model.dtype)

    query = rows(config.num_attention_heads, chunk)
    key, value = rows(config.num_key_value_heads, slots), rows(config.num_key_value_heads, slots)
    repeats = config.num_attention_heads // config.num_key_value_heads
    wide_key, wide_value = key.repeat_interleave(repeats, dim=1), value.repeat_interleave(repeats, dim=1)
    corner: Any = causal_lower_right(chunk, slots)
    mask = corner._materialize(model.device)

    def by_mask() -> Tensor:
        return scaled_dot_product_attention(query, key, value, attn_mask=mask, enable_gqa=True)

    def by_corner() -> Tensor:
        attended: Tensor = scaled_dot_product_attention(query, wide_key, wide_value, attn_mask=corner)
        return attended

    ways: dict[str, tuple[Callable[[], object], AbstractContextManager[Any]]] = {
        "ours": (lambda: chunk_attention(None, query, key, value, None), nullcontext()),
        "explicit mask": (by_mask, nullcontext()),
        **{f"corner, {one.name.lower()}": (by_corner, sdpa_kernel(one)) for one in BACKENDS},
    }
    seen = slots - (chunk - 1) / 2  # slots that a query sees, on average
    operations = 4 * config.num_attention_heads * head_dim * chunk * seen
    result: dict[str, Any] = {"queries": chunk, "keys": slots}
    for name, (work, context) in ways.items():
        if deadline.passed:
            result[name] = {"skipped": "no time was left"}
            continue
        try:
            with context:
                seconds = seconds_per_call(work, model.device, calls=10)
                kernels = kernels_of(work, model.device)
        except RuntimeError as error:  # this backend does not do this work on this device
            result[name] = {"error": str(error).splitlines()[0]}
            continue
        speed = round(operations / seconds)
        result[name] = {"ms": round(seconds * 1e3, 4), "operations_per_second": speed, "kernels": kernels}
    return result


@torch.inference_mode()
def measure_filter(model: Any, scale: Scale, found: dict[str, Any], deadline: Deadline) -> dict[str, Any]:
    """Return milliseconds per layer and relative error of halving keys and values, by way of doing it."""
    config = model.config
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    count = (scale.slots - 4) // BLOCKS[-1] * BLOCKS[-1]
    shape = (1, config.num_key_value_heads, count, head_dim)
    generator = torch.Generator(model.device).manual_seed(0)
    keys, values = (torch.randn(shape, device=model.device, generator=generator).to(model.dtype) for _ in range(2))
    identity = torch.eye(count, dtype=torch.float64, device=model.device)
    exact_matrix = lowpass(identity, count // 2)
    matrix = exact_matrix.to(model.dtype)
    exact = exact_matrix @ keys.double()
    ways: dict[str, Callable[[], Any]] = {
        "fft, fp32": lambda: (lowpass(keys, count // 2), lowpass(values, count // 2)),
        "matrix": lambda: (matrix @ keys, matrix @ values),
        "blocks and nodes": lambda: halve(keys, values, dtype=model.dtype),
    }
    result: dict[str, Any] = {"rows": count, "layers": config.num_hidden_layers}
    for name, work in ways.items():
        error = (work()[0].double() - exact).norm() / exact.norm()
        seconds = seconds_per_call(work, model.device)
        result[name] = {"ms": round(seconds * 1e3, 4), "relative_error": float(f"{float(error):.2e}")}
    return result


def kernels_of(work: Callable[[], object], device: torch.device) -> list[str]:
    """Return the three kernels that take the most time, the longest first."""
    activity = torch.profiler.ProfilerActivity
    on_gpu = device.type == "cuda"
    with torch.profiler.profile(activities=[activity.CUDA if on_gpu else activity.CPU]) as profile:
        work()
        if on_gpu:
            torch.cuda.synchronize(device)

    def own_time(event: Any) -> float:
        return float(event.self_device_time_total if on_gpu else event.self_cpu_time_total)

    return [event.key[:100] for event in sorted(profile.key_averages(), key=own_time, reverse=True)[:3]]
