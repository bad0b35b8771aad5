"""The JSON object of `--json`: everything that was read, how, and what came of it."""

import time
from collections.abc import Sequence
from typing import Any

from freqkv_cli.documents.document import Document
from freqkv_cli.documents.stored_document import StoredDocument
from freqkv_cli.reading.memory_usage import peak_gpu_bytes, peak_process_bytes
from freqkv_cli.reading.session import Session
from freqkv_cli.reading.writing import Answer

SCHEMA_VERSION = 1


def answer_report(command: str, session: Session, answer: Answer, **extra: Any) -> dict[str, Any]:
    """Return the report of a task that read documents and wrote one answer. Times are seconds, sizes bytes."""
    so_far, timing = session.so_far, session.timing
    stream = so_far.stream
    assert stream is not None
    # What the documents gave and what the engine took are counted apart: their difference is what was lost.
    produced = stream.total
    chosen = session.settings
    geometry = session.cache.geometry
    read, write = timing.read, answer.seconds - (answer.first_token_seconds or answer.seconds)
    return {
        "schema_version": SCHEMA_VERSION,
        "command": command,
        "text": answer.text,
        "finish_reason": answer.finish_reason,
        **extra,
        "input": [
            {
                **describe_document(document, tokens),
                "tokens_read": read_of,
                "tokens_dropped": 0 if so_far.skimmed else tokens - read_of,
            }
            for document, tokens, read_of in zip(
                stream.documents, stream.tokens, share_out(so_far.tokens, stream.tokens), strict=False
            )
        ],
        "tokens_read": so_far.tokens,
        "tokens_dropped": 0 if so_far.skimmed else produced - so_far.tokens,
        "tokens_searched": produced if so_far.skimmed else None,  # --quick: nothing was read through
        "model": {
            "id": session.loaded.source.id,
            "revision": session.loaded.source.revision,
            "quantization": session.loaded.quant,
            "dtype": session.loaded.dtype,
            "device": session.loaded.device,
            "adapter": session.loaded.adapter.name if session.loaded.adapter else None,
        },
        "cache": {
            "policy": session.cache.policy.name,
            "cache_size": geometry.cache_size,
            "sink_tokens": geometry.sink_tokens,
            "recent_tokens": geometry.recent_tokens,
            "retain_ratio": geometry.retain_ratio,
            "pinned_tokens": len(session.prompt.prefix),
            "bytes": session.cache.nbytes,
            "compressions": session.cache.compressions,
            "hit": so_far.restored is not None,
            "tokens_reused": so_far.tokens_reused,
            "read_on": so_far.restored.read_on if so_far.restored else None,
        },
        "timing": {
            "load_s": round(timing.load, 3),
            "read_s": round(read, 3),
            "read_tokens_per_second": round((so_far.tokens - so_far.tokens_reused) / read, 1) if read else None,
            "checkpoint_s": round(timing.checkpoints, 3),
            "compression_s": round(session.engine.clock.compression, 3),
            "first_token_s": round(answer.first_token_seconds, 3) if answer.first_token_seconds else None,
            "answer_s": round(answer.seconds, 3),
            "decode_tokens_per_second": round((answer.tokens - 1) / write, 2) if answer.tokens > 1 and write else None,
            "total_s": round(time.perf_counter() - timing.started, 3),
        },
        "memory": {
            "peak_rss_bytes": peak_process_bytes(),
            "weights_bytes": session.loaded.weight_bytes,
            "cache_bytes": session.cache.nbytes,
            "gpu_peak_bytes": peak_gpu_bytes(),
        },
        "sampling": {
            "temperature": chosen.temperature,
            "top_p": chosen.top_p,
            "top_k": chosen.top_k,
            "min_p": chosen.min_p,
            "repetition_penalty": chosen.repetition_penalty,
            "seed": chosen.seed,
            "max_tokens": chosen.max_tokens,
        },
        "warnings": session.warnings,
    }


def share_out(read: int, tokens: Sequence[int]) -> list[int]:
    """Return how many of `read` tokens were each document's, when they were read one after another."""
    starts = [sum(tokens[:index]) for index in range(len(tokens))]
    return [max(0, min(own, read - start)) for own, start in zip(tokens, starts, strict=True)]


def describe_document(document: Document | StoredDocument, tokens: int) -> dict[str, Any]:
    """Return the part of a report that is about one document that has been read, `tokens` long."""
    return {
        "path": document.name,
        "type": document.kind,
        "sha256": document.sha256,
        "bytes": document.byte_count,
        "pages": document.page_count,
        "tokens": tokens,
        "encoding": document.encoding,
        "empty_pages": document.empty_pages,
        "left_out": document.left_out,
        "excerpt": document.excerpt,
        "bad_pages": {str(page): problem for page, problem in document.bad_pages.items()},
    }
