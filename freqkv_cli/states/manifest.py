"""The manifest of a state: what was read, by which model, into which slots; without torch, so that lists are quick."""

from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from freqkv_cli.config import choices
from freqkv_cli.documents.stored_document import Count, StoredDocument
from freqkv_cli.errors import StateError
from freqkv_cli.kvcache.header import damaged, read_head

FORMAT = 1  # raise it when older states can no longer be read


def known_policy(name: str) -> str:
    """Return `name`; ValueError where no policy is called so."""
    if name not in choices("policy"):
        raise ValueError(f"there is no policy {name}")
    return name


@dataclass(frozen=True, slots=True)
class ReaderIdentity:
    """The model that read: `name` is the --model that finds it; weights, tokenizer and prompt are hashes.

    `adapter` is a hash too, None without one; `adapter_folder` is the --adapter that finds it, None for a shipped one.
    """

    name: str
    id: str
    revision: str | None
    weights: str
    tokenizer: str
    prompt: str
    pinned_tokens: Count
    quantization: str
    dtype: str
    device: str
    adapter: str | None = None
    adapter_folder: str | None = None


@dataclass(frozen=True, slots=True)
class Slots:
    """How the cache is divided and filtered; see `Geometry`."""

    policy: Annotated[str, AfterValidator(known_policy)]
    cache_size: Count
    sink_tokens: Count
    recent_tokens: Count
    retain_ratio: float


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a state says of itself.

    `asked` are the settings that were not left to freqkv. `slots_used`, `tokens_seen`, `compressions` and `rows_kept`
    (None in older states: what the geometry leaves of a full cache) are of the cache, and so is `queries`, how many are
    kept of each layer for policies that go by them; `tokens_read` counts the
    documents' tokens alone. `complete` is False for a checkpoint. `characters` and
    `digest` are of the text of a single document, by which it is known again when it has grown; `seams` are the places
    in it where it had ended before. `extra` is what the notes depend on. Times are seconds, dates are in UTC.
    """

    format: int
    freqkv: str
    reader: ReaderIdentity
    slots: Slots
    chunk: Count
    asked: dict[str, str | int | float]
    documents: list[StoredDocument]
    warnings: list[str]
    tokens_read: Count
    tokens_seen: Count
    slots_used: Annotated[int, Field(ge=1, lt=2**53)]
    compressions: Count
    complete: bool
    stored_dtype: str
    passages: Count
    read_on: str
    read_seconds: float
    characters: Count = 0
    digest: str = ""
    rows_kept: Count | None = None
    queries: Count = 0
    seams: list[Count] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)
    checksum: str = ""

    def table(self) -> dict[str, Any]:
        """Return it as the JSON object of the file."""
        return asdict(self)


def read_manifest(path: Path) -> Manifest:
    """Return what a state file says of itself. Raises StateError where it cannot be used by this version."""
    try:
        text = read_head(path)
    except OSError as error:
        raise StateError(f"the state {path} cannot be read ({error.strerror}): check the name and its disk") from None
    try:
        made_by = _maker().validate_json(text)
        if made_by.format != FORMAT:
            raise StateError(
                f"the state {path} is of format {made_by.format}, of freqkv {made_by.freqkv[:20]}, and this freqkv "
                f"knows format {FORMAT}: read the document again"
            )
        manifest = _manifest().validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise damaged(path, f"{where} in its manifest: {first['msg']}") from None
    if not manifest.tokens_read <= manifest.tokens_seen >= manifest.slots_used <= manifest.slots.cache_size:
        raise damaged(path, "the counts in its manifest contradict each other")
    slots = manifest.slots
    if manifest.rows_kept and manifest.rows_kept + slots.sink_tokens + slots.recent_tokens > manifest.slots_used:
        raise damaged(path, "its manifest tells of more filtered slots than there are")
    return manifest


@dataclass(frozen=True, slots=True)
class Maker:
    """The part of a manifest that every format has."""

    format: int
    freqkv: str


@cache
def _maker() -> TypeAdapter[Maker]:
    return TypeAdapter(Maker)


@cache
def _manifest() -> TypeAdapter[Manifest]:
    return TypeAdapter(Manifest)
