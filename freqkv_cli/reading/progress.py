"""How far a reading or an answer is, as events."""

import time
from typing import TYPE_CHECKING, Any

from freqkv_cli.events import Progress
from freqkv_cli.kvcache.cache import FreqkvCache
from freqkv_cli.reading.memory_usage import gpu_bytes, process_bytes

if TYPE_CHECKING:
    from freqkv_cli.reading.session import ReadSoFar


def reading_progress(cache: FreqkvCache, so_far: "ReadSoFar", began: float) -> Progress:
    """Tell how far the documents have been read since `began`, a time.perf_counter()."""
    stream = so_far.stream
    assert stream is not None
    seconds = time.perf_counter() - began
    speed = max(0, so_far.tokens - so_far.tokens_reused) / seconds
    total = stream.total if stream.finished else stream.estimated_total()
    document = stream.documents[stream.current]
    return Progress(
        "reading",
        source=document.name,
        page=stream.page or None,
        pages=document.page_count,
        tokens_done=so_far.tokens,
        tokens_total=total,
        total_is_exact=stream.finished,
        seconds=seconds,
        tokens_per_second=speed,
        eta_seconds=max(0, total - so_far.tokens) / speed if total and speed else None,
        **memory_figures(cache),
    )


def answering_progress(cache: FreqkvCache, tokens: int, began: float) -> Progress:
    """Tell that `tokens` tokens of an answer have been written since `began`."""
    seconds = time.perf_counter() - began
    return Progress(
        "answering", tokens_done=tokens, seconds=seconds, tokens_per_second=tokens / seconds, **memory_figures(cache)
    )


def memory_figures(cache: FreqkvCache) -> dict[str, Any]:
    """Return the fields of a Progress that say what the cache holds, and the bytes of the process and the GPU."""
    return {
        "slots_used": cache.length,
        "cache_size": cache.geometry.cache_size,
        "cache_bytes": cache.nbytes,
        "compressions": cache.compressions,
        "process_bytes": process_bytes(),
        "gpu_bytes": gpu_bytes(),
    }
