"""Count documents without reading them with the model: tokens, pages, and what a run would take."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from freqkv_cli.config import Settings
from freqkv_cli.documents.document import Document
from freqkv_cli.documents.stored_document import StoredDocument
from freqkv_cli.events import Done, Event, Note, Progress
from freqkv_cli.models.device import Placement
from freqkv_cli.models.gguf.index import read_index
from freqkv_cli.models.memory import DTYPE_BYTES
from freqkv_cli.reading.plan import Plan, make_plan
from freqkv_cli.reading.report import SCHEMA_VERSION, describe_document
from freqkv_cli.reading.speed import calculated_speed, remembered_speed, speed_key
from freqkv_cli.reading.token_stream import TokenStream
from freqkv_cli.retrieval.until import confine
from freqkv_cli.states.opening import plan_state, state_among

TOKENS_PER_EVENT = 10_000


def count(documents: Sequence[Document], settings: Settings) -> Iterator[Event]:
    """Tokenise `documents` as a run would and estimate its time and memory; no weights are loaded."""
    if (path := state_among(documents)) is not None:
        manifest, settings, plan = yield from plan_state(path, settings)
        yield Done(estimate(plan, manifest.documents, [document.tokens for document in manifest.documents], read_s=0.0))
        return
    confine(documents, settings)
    plan = yield from make_plan(settings)
    stream = TokenStream(documents, plan.prompt.tokenizer)
    for number, _ in enumerate(stream):
        if number % TOKENS_PER_EVENT == 0:
            document = documents[stream.current]
            yield Progress(
                "reading",
                source=document.name,
                page=stream.page,
                pages=document.page_count,
                tokens_done=number,
                tokens_total=stream.estimated_total(),
            )
    for warning in (warning for document in documents for warning in document.warnings):
        yield Note(warning, warning=True)
    yield Done(estimate(plan, documents, stream.tokens))


def estimate(
    plan: Plan, documents: Sequence[Document | StoredDocument], tokens: Sequence[int], read_s: float | None = None
) -> dict[str, Any]:
    """Return the report: the tokens of each document, and what a run would take; `read_s` None is worked out."""
    speed, basis = _speed(plan)
    return {
        "schema_version": SCHEMA_VERSION,
        "command": "count",
        "input": [describe_document(document, own) for document, own in zip(documents, tokens, strict=True)],
        "tokens": sum(tokens),
        "estimated": {
            "read_s": round(sum(tokens) / speed, 1) if read_s is None else read_s,
            "tokens_per_second": round(speed, 1),
            "speed_basis": basis,
            "memory_bytes": plan.estimate.total,
            "weights_bytes": plan.estimate.weights,
            "cache_bytes": plan.estimate.cache,
        },
        "available_bytes": plan.available,
        "fits": plan.estimate.total <= plan.available,
        "warnings": [warning for document in documents for warning in document.warnings],
    }


def _speed(plan: Plan) -> tuple[float, str]:
    """Tokens per second, and whether an earlier run measured it."""
    known = remembered_speed(speed_key(plan))
    if known is not None:
        return known, "measured in an earlier run"
    place: Placement = plan.place
    index = read_index(Path(plan.source.folder))
    parameters = index.parameters if index is not None else plan.estimate.weights // DTYPE_BYTES[place.dtype]
    speed = calculated_speed(plan.config, parameters, place.device, place.dtype, plan.geometry.cache_size)
    return speed, "calculated"
