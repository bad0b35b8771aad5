"""The figures of a benchmark as text, for reading and, being Markdown, for docs."""

from collections.abc import Iterator, Sequence
from typing import Any

from freqkv_cli.benchmarks.aggregates import COMPARED, peak
from freqkv_cli.measurement.table import table

HEAD = ("reader", "depth", "read tok/s", "write tok/s", "first token s", "compression", "cache MiB", "peak MiB")
NAMES = 6  # of documents that are listed
LEGEND = """\
read: tokens per second from the first token to this depth. write: tokens per second after the first. first token: of a
request of {request} tokens. Medians of {repetitions} turns, least and greatest in brackets. peak: reading / writing.
"""


def render(report: dict[str, Any]) -> str:
    """Return the report as text, a newline at its end."""
    about = "".join(f"- {line}\n" for line in _about(report))
    legend = LEGEND.format(request=report["request_tokens"], repetitions=report["repetitions"])
    return "\n".join([about, *speed_tables(report), legend])


def speed_tables(report: dict[str, Any]) -> Iterator[str]:
    """Yield the table of `readers` by depth and, if there is something to compare `against`, that of the ratios."""
    yield table(HEAD, list(_rows(report["readers"])))
    if report["against"]:
        yield _against(report)


def _about(report: dict[str, Any]) -> Iterator[str]:
    machine, model, cache = report["environment"], report["model"], report["cache"]
    versions = ", ".join(f"{name} {machine[name]}" for name in ("freqkv", "torch", "transformers") if machine[name])
    features = " ".join(machine["cpu_features"])
    yield f"model: {model['id']} ({model['quantization']}, {model['dtype']}, {model['device']})"
    yield (
        f"cache: {cache['cache_size']} slots, {cache['sink_tokens']} of them pinned, "
        f"retain ratio {cache['retain_ratio']}, chunks of {cache['chunk']}"
    )
    device = machine.get("gpu", machine["cpu"])
    yield f"machine: {device} ({features}), {machine['threads']} threads, {machine['system']}"
    yield f"software: {versions}, Python {machine['python']}, commit {machine['commit'] or 'unknown'}"
    yield f"text: {_source(report['source'])}"
    memory = {name: _mib(size) for name, size in report["memory"].items()}
    yield (
        f"memory: {memory['weights_bytes']} MiB of weights, whose loading took {memory['loading_rss_bytes']} MiB; "
        f"the process held {memory['rss_bytes_before_reading']} MiB before it read"
    )
    if len(report["depths"]) > 1:
        grown = (f"{name} {reader['peak_growth']:.3f}" for name, reader in report["readers"].items())
        yield f"peak while reading, at the deepest depth over the first: {', '.join(grown)}"
    for name, depths in report["skipped"].items():
        yield f"{name}: not at {', '.join(depths)}, which it cannot hold"
    for name, rival in report["rivals"].items():
        yield (
            f"{name}: {rival['llama_cpp']} (node-llama-cpp {rival['node_llama_cpp']}), {rival['threads']} threads, "
            f"context {rival['context']}, with flash attention; a full context loses its older half"
        )
    if report["finish_reason"] == "interrupted":
        yield "interrupted: figures are of the turns that there were"


def _source(source: dict[str, Any]) -> str:
    names = source["text"]
    if not isinstance(names, str):
        more = len(names) - NAMES
        names = ", ".join(names[:NAMES]) + (f" and {more} more" if more > 0 else "")
    seed = "" if source["seed"] is None else f", seed {source['seed']}"
    return f"{source['tokens']:,} tokens, {names}{seed}"


def _rows(readers: dict[str, Any]) -> Iterator[Sequence[str]]:
    for name, reader in readers.items():
        for depth, figures in reader["depths"].items():
            share = figures["compression_share"]
            yield (
                name,
                depth,
                _spread(figures["prefill_tokens_per_second"]),
                _spread(figures["decode_tokens_per_second"]),
                _spread(figures["first_token_s"]),
                f"{share['median']:.1%}" if share and share["median"] else "-",
                _mib(figures["cache_bytes"]),
                f"{_mib(peak(figures, 'reading'))} / {_mib(peak(figures, 'writing'))}",
            )


def _against(report: dict[str, Any]) -> str:
    rows = [
        (
            f"freqkv / {name}",
            what.replace("_", " "),
            *(_ratio(found.get(f"{what}_{depth}")) for depth in report["depths"]),
        )
        for name, found in report["against"].items()
        for what in COMPARED
    ]
    return table(("ratio", "above 1: freqkv is faster", *report["depths"]), rows)


def _spread(figure: dict[str, Any] | None) -> str:
    if figure is None:
        return "-"
    digits = next(digits for digits, least in enumerate((100, 10, 1, 0)) if figure["median"] >= least)
    text = f"{figure['median']:,.{digits}f}"
    if figure["runs"] == 1:
        return text
    return f"{text} ({figure['min']:,.{digits}f}-{figure['max']:,.{digits}f})"


def _ratio(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.2f}"


def _mib(size: int) -> str:
    return f"{size / 2**20:,.0f}" if size >= 10 * 2**20 else f"{size / 2**20:.1f}"
