"""Reading and writing on a device from 4k to a million tokens, with a cache of fixed size and with one that grows."""

import warnings
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import torch

from freqkv_cli.benchmarks.deadline import Deadline
from freqkv_cli.benchmarks.figures import label, peak_growth, ratios, reader_figures
from freqkv_cli.benchmarks.gpu_limits import bytes_per_written_token, operations_per_read_token
from freqkv_cli.benchmarks.gpu_scale import Scale
from freqkv_cli.benchmarks.plain_loop import PlainLoop
from freqkv_cli.benchmarks.readers import PolicyReader, TimedReader
from freqkv_cli.benchmarks.runs import Pass, run_pass, warm_up
from freqkv_cli.benchmarks.stopwatch import seconds_per_call
from freqkv_cli.config import Settings
from freqkv_cli.inference.attention import register_attention
from freqkv_cli.inference.engine import Engine, cache_argument
from freqkv_cli.kvcache.cache import FreqkvCache, make_cache
from freqkv_cli.kvcache.geometry import Geometry
from freqkv_cli.kvcache.policies import make_policy
from freqkv_cli.measurement.synthetic_text import random_ids
from freqkv_cli.models.support import model_window
from freqkv_cli.reading.plan import pinned_geometry

Result = dict[str, Any]
FLAT_FROM = 16_000  # tokens from which peak memory is to stay the same


def measure_reading(model: Any, scale: Scale, found: Result, deadline: Deadline) -> Result:
    """Return speed and peak memory at every depth reached in time, with FreqKV, and how near the limits they are."""
    geometry = fixed_slots(scale.slots)
    reader = PolicyReader(model, geometry, "freqkv", window=model_window(model.config), chunk=scale.chunk)
    figures = read_depths(reader, model, scale.depths, scale, found, deadline)
    return {"slots": scale.slots, "chunk": scale.chunk, **figures}


def measure_full(model: Any, scale: Scale, found: Result, deadline: Deadline) -> Result:
    """Return the same with transformers' own growing cache and attention."""
    reader = PlainLoop("transformers", model, None, window=model_window(model.config), chunk=scale.chunk)
    return {"chunk": scale.chunk, **read_depths(reader, model, scale.full_depths, scale, found, deadline)}


def read_depths(
    reader: TimedReader, model: Any, depths: Sequence[int], scale: Scale, found: Result, deadline: Deadline
) -> Result:
    """Read until the deepest depth or the deadline; what was reached by then is returned."""
    ids = random_ids(model.config.vocab_size, depths[-1], seed=0)
    warm_up(reader, ids)
    passed = Pass()
    ended = "at the deepest depth"
    try:
        with closing(run_pass(reader, ids, depths, scale.written, scale.chunk, passed)) as pieces:
            for _ in pieces:
                if deadline.passed:
                    ended = "when time was up"
                    break
    except torch.OutOfMemoryError:
        ended = "when the memory was full"
    reached = [depth for depth in depths if depth in passed.writings]
    if not reached:
        return {"ended": ended}
    figures = reader_figures([passed], reached)
    for depth in reached:
        figures["depths"][label(depth)] |= near_limits(model, figures["depths"][label(depth)], found.get("limits", {}))
    flat_from = [depth for depth in reached if depth >= FLAT_FROM]
    return {"ended": ended, **figures, "peak_from_16k": peak_growth(figures, flat_from or reached)}


def near_limits(model: Any, figures: Result, limits: Result) -> Result:
    """Return the shares of the measured bandwidth and arithmetic that writing and reading reach."""
    shares = {}
    if figures["decode_tokens_per_second"] and "copy_bytes_per_second" in limits:
        moved = bytes_per_written_token(model, figures["slots"])
        speed = figures["decode_tokens_per_second"]["median"]
        shares["decode_share_of_bandwidth"] = round(speed * moved / limits["copy_bytes_per_second"], 4)
    if figures["prefill_tokens_per_second"] and "matmul_operations_per_second" in limits:
        operations = operations_per_read_token(model, figures["slots"])
        speed = figures["prefill_tokens_per_second"]["median"]
        shares["prefill_share_of_arithmetic"] = round(speed * operations / limits["matmul_operations_per_second"], 4)
    return shares


def compare(model: Any, scale: Scale, found: Result, deadline: Deadline) -> Result:
    """Return FreqKV over the growing cache at the depths that both reached; above 1 FreqKV is faster."""
    theirs = found.get("full", {})
    return {
        name: ratios(found[name], theirs)
        for name in ("reading", "reading_large")
        if "depths" in found.get(name, {}) and "depths" in theirs
    }


def count_synchronisations(model: Any, scale: Scale, found: Result, deadline: Deadline) -> Result:
    """Return how often the host waits for the GPU while it reads four chunks with a compression, and writes a token."""
    if model.device.type != "cuda":
        return {"skipped": "there is no GPU"}
    cache, engine = filled_cache(model, scale), Engine(model, scale.chunk)
    result = {}
    ids = [1] * (4 * scale.chunk)
    for name, work in (
        ("reading", lambda: engine.read(cache, ids)),
        ("compression", lambda: cache.compress()),
        ("writing", lambda: engine.read(cache, [1])),
    ):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            torch.cuda.set_sync_debug_mode("warn")
            try:
                work()
            finally:
                torch.cuda.set_sync_debug_mode("default")
        result[name] = sum("synchroniz" in str(warning.message) for warning in caught)
    return result


@torch.inference_mode()
def measure_graph(model: Any, scale: Scale, found: Result, deadline: Deadline) -> Result:
    """Return the tokens per second of one step of writing, launched kernel by kernel and as one CUDA graph.

    The graph repeats one step at one length: it shows what launching costs, it does not write.
    """
    if model.device.type != "cuda":
        return {"skipped": "there is no GPU"}
    cache = filled_cache(model, scale)
    length = cache.length
    token = torch.ones(1, 1, dtype=torch.long, device=model.device)
    argument = {cache_argument(model): cache}

    def step() -> None:
        model(input_ids=token, use_cache=True, logits_to_keep=1, **argument)
        for layer in cache.layers:
            layer.set_length(length)

    launched = seconds_per_call(step, model.device)
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    replayed = seconds_per_call(graph.replay, model.device)
    moved = bytes_per_written_token(model, length)
    bandwidth = found.get("limits", {}).get("copy_bytes_per_second")
    return {
        "slots": length,
        "launched_tokens_per_second": round(1 / launched, 1),
        "graph_tokens_per_second": round(1 / replayed, 1),
        "graph_share_of_bandwidth": round(moved / replayed / bandwidth, 4) if bandwidth else None,
    }


def fixed_slots(slots: int) -> Geometry:
    """Return the division that the commands would choose for so many slots without an instruction."""
    return pinned_geometry(Settings(cache_size=slots, policy="freqkv"), slots, 0)


def filled_cache(model: Any, scale: Scale) -> FreqkvCache:
    """Return a cache that has been filled to three quarters, with our own attention switched on."""
    model.set_attn_implementation(register_attention())
    cache = make_cache(model, fixed_slots(scale.slots), make_policy("freqkv"), window=model_window(model.config))
    Engine(model, scale.chunk).read(cache, [1] * (scale.slots * 3 // 4))
    return cache
