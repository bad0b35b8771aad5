"""What a state holds beside the cache, as JSON: passages and notes. Passages of older states are understood too."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, is_dataclass
from functools import cache
from typing import Annotated, Any

from pydantic import BeforeValidator, TypeAdapter

from freqkv_cli.retrieval.passage import Passage

PLACE = ("page", "part", "first_line", "last_line", "heading")  # which stood beside the text until there was Location


def located(passage: object) -> object:
    """Return the JSON object of a passage with its place as a `location`, as older states do not have it."""
    if not isinstance(passage, dict) or "location" in passage:
        return passage
    others = {name: value for name, value in passage.items() if name not in PLACE}
    return {**others, "location": {name: passage[name] for name in PLACE if name in passage}}


@dataclass(slots=True)
class Content:
    """Passages, and notes as JSON objects."""

    passages: list[Annotated[Passage, BeforeValidator(located)]] = field(default_factory=list)
    notes: list[dict[str, Any]] = field(default_factory=list)


def to_json(passages: Iterable[Passage], notes: Iterable[Any]) -> str:
    """Return the text of a state; notes are dataclasses or JSON objects."""
    content = {
        "passages": [asdict(passage) for passage in passages],
        "notes": [asdict(one) if is_dataclass(one) and not isinstance(one, type) else dict(one) for one in notes],
    }
    return json.dumps(content, ensure_ascii=False)


def from_json(text: str | bytes) -> Content:
    """Return what `to_json` has written, in this version or an older one. Raises ValidationError, RecursionError."""
    return _content().validate_json(text, strict=True)


@cache
def _content() -> TypeAdapter[Content]:
    return TypeAdapter(Content)
