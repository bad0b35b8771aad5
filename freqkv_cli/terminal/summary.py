"""The last words on stderr: what was read, how fast and in how much memory."""

from typing import Any

from freqkv_cli.terminal.number_format import memory, plural, seconds, whole
from freqkv_cli.terminal.printable import one_line


def summary_line(report: dict[str, Any]) -> str:
    """One line from the report of a task; a figure that the report lacks is left out."""
    timing, memories, cache = (report.get(key) or {} for key in ("timing", "memory", "cache"))
    read, dropped = report.get("tokens_read", 0), report.get("tokens_dropped", 0)
    parts = [f"read {whole(read)} of {whole(read + dropped)} tokens, {whole(dropped)} dropped"]
    if report.get("tokens_searched") is not None:
        parts = [f"searched {whole(report['tokens_searched'])} tokens, not read through (--quick)"]
    if excerpt := next((one["excerpt"] for one in report.get("input") or () if one.get("excerpt")), ""):
        parts.append(excerpt)
    if missing := left_out_of(report):
        parts.append(missing)
    if report.get("command") == "batch":
        parts = [f"{plural(report['documents'], 'document')}, {whole(report['rows'])} rows written"]
        parts += [f"{whole(report['skipped'])} were there"] if report["skipped"] else []
        parts.append(f"{whole(report['failed_in_file'])} of {whole(report['rows_in_file'])} rows failed")
    if report.get("command") == "diff":
        parts = [", ".join(f"{whole(report[kind])} {kind}" for kind in ("changed", "added", "removed")) + " sections"]
    if report.get("command") == "train":
        parts = [f"trained on {whole(report.get('tokens_trained', 0))} tokens", seconds(timing.get("train_s", 0.0))]
    if timing.get("train_tokens_per_second"):
        parts.append(f"{whole(timing['train_tokens_per_second'])} tok/s")
    if timing.get("total_s") is not None:
        parts.append(seconds(timing["total_s"]))
    if timing.get("read_tokens_per_second"):
        parts.append(f"{whole(timing['read_tokens_per_second'])} tok/s")
    if memories.get("peak_rss_bytes"):
        parts.append(f"peak {memory(memories['peak_rss_bytes'])}")
    if memories.get("gpu_peak_bytes"):
        parts.append(f"GPU peak {memory(memories['gpu_peak_bytes'])}")
    if cache.get("bytes"):
        parts.append(f"cache {memory(cache['bytes'])}")
    if model := report.get("model"):
        details = ", ".join(str(model[key]) for key in ("quantization", "dtype", "device") if model.get(key))
        parts.append(f"{model.get('id', '')} ({details})")
    if cache.get("policy"):
        parts.append(cache["policy"])
    if report.get("finish_reason") == "length":
        parts.append("answer cut at its length limit")
    if report.get("finish_reason") == "interrupted":
        parts.append("interrupted")
    return one_line(" · ".join(parts))


def left_out_of(report: dict[str, Any]) -> str:
    """Return how much of what kind the text of the documents lacks, empty for nothing."""
    counts: dict[str, int] = {}
    for document in report.get("input") or ():
        for kind, count in (document.get("left_out") or {}).items():
            counts[kind] = counts.get(kind, 0) + count
    told = ", ".join(f"{kind} ({whole(count)})" for kind, count in counts.items())
    return f"left out: {told}" if told else ""


def timing_line(report: dict[str, Any]) -> str:
    """Where the time went (--verbose); empty when the report has no timing."""
    timing = report.get("timing") or {}
    parts = [
        f"{name} {seconds(timing[key])}"
        for name, key in (
            ("load", "load_s"),
            ("read", "read_s"),
            ("compression", "compression_s"),
            ("notes", "notes_s"),
            ("first token", "first_token_s"),
            ("answer", "answer_s"),
        )
        if timing.get(key) is not None
    ]
    if timing.get("decode_tokens_per_second"):
        parts.append(f"{timing['decode_tokens_per_second']:.1f} tok/s written")
    compressions = (report.get("cache") or {}).get("compressions")
    if compressions is not None:
        parts.append(plural(compressions, "compression"))
    return " · ".join(parts)
