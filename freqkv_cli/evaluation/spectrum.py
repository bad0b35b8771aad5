"""Measures how smoothly keys and values run along the sequence: what FreqKV rests on, on the user's own model and text.

freqkv evaluate spectrum FILE... [--energy SHARE]
"""

import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from torch import Tensor

from freqkv_cli.config import Settings
from freqkv_cli.documents.document import Document
from freqkv_cli.errors import InputError
from freqkv_cli.evaluation.energy import PARTS, Energy, sampled, segments, wanted_ratio
from freqkv_cli.evaluation.policy_specs import open_contenders
from freqkv_cli.evaluation.spectrum_plot import draw_spectrum
from freqkv_cli.events import Done, Event, Text
from freqkv_cli.measurement.plot import require_matplotlib
from freqkv_cli.measurement.reading_progress import reading_progress
from freqkv_cli.measurement.report import memory_report
from freqkv_cli.measurement.subject import open_subject
from freqkv_cli.measurement.table import table
from freqkv_cli.reading.token_stream import TokenStream

LEAST = 16  # rows below which there is no spectrum to speak of
POINTS = 32  # of a curve in the report
LEGEND = """\
mean: share of the energy in the mean of a sequence of {rows:,} rows, which every average keeps. lowest half: share in
the lower half of the frequencies; without mean: of the energy that is not in the mean, in brackets the lowest and the
highest head. White noise has 0.500 there, whatever is lower than that runs less smoothly than noise.
"""


def evaluate_spectrum(
    documents: Sequence[Document], settings: Settings, tokens: int, energy: float, plot: Path | None = None
) -> Iterator[Event]:
    """Read the first `tokens` tokens in pieces of a full cache and yield the table as Text, then the report.

    `energy` is the share that the recommended retain ratio holds.
    """
    began = time.perf_counter()
    if plot is not None:
        require_matplotlib(plot)
    subject = yield from open_subject(settings, None)
    ids = list(islice(TokenStream(documents, subject.tokenizer), tokens))
    contender = open_contenders(["freqkv"], subject, settings)[0]
    if len(ids) < contender.geometry.sink_tokens + contender.geometry.recent_tokens + LEAST:
        raise InputError(f"the text has {len(ids)} tokens, too few for a spectrum: give a longer one")
    cache, engine = contender.new_cache(subject), contender.new_engine(subject)
    found: Energy | None = None
    done = 0
    for piece in segments(len(ids), contender.geometry.cache_size):
        cache.reset()
        engine.read(cache, ids[piece])
        measured = Energy.of(cache)
        if found is None:
            found = measured
        else:
            found.add(measured)
        done = piece.stop
        yield reading_progress("spectrum", done, len(ids), began)
    assert found is not None
    figured = {"tokens": done, "tokens_read": done, **figures(found, energy)}
    report = memory_report("spectrum", subject, settings, documents, figured, began=began)
    if plot is not None:
        draw_spectrum(report, plot)
    yield Text(spectrum_table(report))
    yield Done(report)


def figures(found: Energy, energy: float) -> dict[str, Any]:
    """Return the rows of the report (each layer, part and head), their means, and the recommended retain ratios."""
    whole, without, means = found.held(with_mean=True), found.held(with_mean=False), found.mean_shares()
    half = found.rows // 2 - 1
    rows = [
        {
            "layer": layer,
            "of": part,
            "head": head,
            "mean": round(float(means[layer, number, head]), 4),
            "lowest_half": round(float(whole[layer, number, head, half]), 4),
            "lowest_half_without_mean": round(float(without[layer, number, head, half]), 4),
        }
        for layer in range(whole.shape[0])
        for number, part in enumerate(PARTS)
        for head in range(whole.shape[2])
    ]
    return {
        "rows_transformed": found.rows,
        "energy": energy,
        "rows": rows,
        "curves": {
            part: {
                "with_mean": rounded_points(whole[:, number].mean(dim=(0, 1))),
                "without_mean": rounded_points(without[:, number].mean(dim=(0, 1))),
            }
            for number, part in enumerate(PARTS)
        },
        "retain_ratio": {
            "keys": round(wanted_ratio(whole[:, 0].mean(dim=(0, 1)), energy), 4),
            "values": round(wanted_ratio(whole[:, 1].mean(dim=(0, 1)), energy), 4),
            "both": round(wanted_ratio(whole.mean(dim=(0, 1, 2)), energy), 4),
            "without_mean": round(wanted_ratio(without.mean(dim=(0, 1, 2)), energy), 4),
            "white_noise": energy,
        },
    }


def rounded_points(held: Tensor) -> list[list[float]]:
    """Return a curve for a report."""
    return [[round(x, 4), round(y, 4)] for x, y in sampled(held, POINTS)]


def spectrum_table(report: dict[str, Any]) -> str:
    """Return the table by layer, the means, and what they recommend."""
    head = ("layer", *(f"{part}: {what}" for part in PARTS for what in ("mean", "lowest half", "without mean")))
    layers = range(1 + max(row["layer"] for row in report["rows"]))
    lines = [[str(layer), *cells([row for row in report["rows"] if row["layer"] == layer])] for layer in layers]
    lines.append(["all", *cells(report["rows"])])
    ratios, energy = report["retain_ratio"], report["energy"]
    said = (
        f"To hold {energy:.0%} of the energy: --retain-ratio {ratios['both']:.2f} (keys alone {ratios['keys']:.2f}, "
        f"values alone {ratios['values']:.2f}; of the energy beside the mean {ratios['without_mean']:.2f}; white noise "
        f"{ratios['white_noise']:.2f}).\n"
    )
    model = report["model"]["id"]
    legend = LEGEND.format(rows=report["rows_transformed"])
    return f"{model}, {report['tokens']:,} tokens\n\n{table(head, lines)}\n{said}\n{legend}"


def cells(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return the means over `rows` for keys and for values."""
    shown = []
    for part in PARTS:
        own = [row for row in rows if row["of"] == part]
        mean, half, without = (
            [row[name] for row in own] for name in ("mean", "lowest_half", "lowest_half_without_mean")
        )
        shown += [
            f"{sum(mean) / len(mean):.3f}",
            f"{sum(half) / len(half):.3f}",
            f"{sum(without) / len(without):.3f} ({min(without):.2f}-{max(without):.2f})",
        ]
    return shown
