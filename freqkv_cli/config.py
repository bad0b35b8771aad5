"""Every setting: its type, its default, its limits, and how it is read from what a user typed. No typer, no torch."""

import math
import os
import re
from dataclasses import dataclass, fields
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import platformdirs

from freqkv_cli.errors import UsageError
from freqkv_cli.kvcache.policies import policy_names

LENGTHS = ("short", "medium", "long")
# As documents/kind.py has it.
DocumentKind = Literal[
    "pdf", "epub", "docx", "odt", "rtf", "pptx", "odp", "xlsx", "ods", "xls", "csv", "eml", "mbox", "subtitles",
    "json", "jsonl", "log", "latex", "rst", "fb2", "html", "markdown", "text",
]  # fmt: skip
TRUE = ("1", "true", "yes", "on")
FALSE = ("0", "false", "no", "off")


PUBLIC_NAMES = {"kind": "type", "start": "from"}  # of the fields that have another name wherever a user sees them


class SettingError(UsageError):
    """A setting has a value that cannot be. `setting` is the field, `problem` reads on after its name."""

    def __init__(self, setting: str, problem: str) -> None:
        super().__init__(f"{flag_name(setting)} {problem}")
        self.setting = setting
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Settings:
    """What shapes the result. Sizes are tokens (= slots of the cache); None means chosen by freqkv.

    Raises SettingError when a value is out of its limits; limits that depend on the model are checked when it is known.
    """

    model: str = "auto"
    quant: Literal["auto", "4bit", "8bit", "gguf", "none"] = "auto"
    device: str = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    offline: bool = False
    models_dir: str | None = None
    adapter: str | None = None

    policy: str = "landmarks"
    cache_size: int | None = None
    sink_tokens: int = 4
    recent_tokens: int | None = None
    retain_ratio: float = 0.5
    chunk: int | None = None

    cache: bool = True
    refresh: bool = False
    states_limit: int = 2000
    state_dtype: Literal["auto", "float32", "bfloat16", "float16", "int8"] = "auto"

    pages: str | None = None
    start: str | None = None
    until: str | None = None
    encoding: str | None = None
    kind: DocumentKind | None = None
    ocr: bool = False
    recursive: bool = False
    allow_net: bool = False
    password_file: str | None = None

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    repetition_penalty: float = 1.1
    seed: int | None = None
    max_tokens: int | None = None
    stream: bool = True
    length: str | int = "medium"
    format: Literal["text", "markdown", "bullets"] = "text"
    language: str | None = None
    focus: str | None = None
    prompt: str | None = None
    prompt_file: str | None = None
    notes: bool = False
    effort: Literal["low", "medium", "high"] = "medium"
    recall: int = 8
    strict: bool = False
    quick: bool = False
    show_passages: bool = False
    pin_question: bool = False

    def __post_init__(self) -> None:
        least = self.sink_tokens + (self.recent_tokens or 0) + 2
        for name, holds, rule in (
            ("model", self.model.strip() != "", "must name a model"),
            ("models_dir", self.models_dir is None or self.models_dir.strip() != "", "must name a folder"),
            ("adapter", self.adapter is None or self.adapter.strip() != "", "must name a folder, or be none"),
            ("policy", self.policy in policy_names(), f"must be one of {', '.join(policy_names())}"),
            ("device", _is_device(self.device), "must be auto, cpu, cuda, cuda:N or mps"),
            ("sink_tokens", self.sink_tokens >= 0, "must be 0 or more"),
            ("recent_tokens", self.recent_tokens is None or self.recent_tokens >= 0, "must be 0 or more"),
            (
                "cache_size",
                self.cache_size is None or self.cache_size >= least,
                f"must be at least {least} (sink tokens + recent tokens + 2)",
            ),
            ("retain_ratio", 0 < self.retain_ratio < 1, "must be between 0 and 1, both excluded"),
            ("chunk", self.chunk is None or self.chunk >= 1, "must be 1 or more"),
            ("states_limit", self.states_limit >= 0, "must be 0 or more megabytes"),
            ("start", self.start is None or self.start.strip() != "", "must name a place"),
            ("until", self.until is None or self.until.strip() != "", "must name a place"),
            ("temperature", 0 <= self.temperature < math.inf, "must be 0 or more"),
            ("top_p", 0 < self.top_p <= 1, "must be above 0 and at most 1"),
            ("top_k", self.top_k >= 0, "must be 0 (off) or more"),
            ("min_p", 0 <= self.min_p <= 1, "must be between 0 and 1"),
            ("repetition_penalty", 0 < self.repetition_penalty < math.inf, "must be above 0"),
            ("seed", self.seed is None or 0 <= self.seed < 2**63, "must be 0 or more and below 2^63"),
            ("max_tokens", self.max_tokens is None or self.max_tokens >= 1, "must be 1 or more"),
            ("recall", self.recall >= 0, "must be 0 (memory alone) or more"),
            ("recall", self.recall > 0 or not self.quick, "must be 1 or more with --quick"),
            ("length", _is_length(self.length), "must be short, medium, long or a number of words"),
            ("language", self.language is None or self.language.strip() != "", "must name a language"),
            ("focus", self.focus is None or self.focus.strip() != "", "must name a topic"),
            ("prompt", self.prompt is None or self.prompt.strip() != "", "must say what to write"),
            ("prompt_file", self.prompt_file is None or self.prompt is None, "cannot be given beside --prompt"),
        ):
            if not holds:
                raise SettingError(name, f"{rule}, not {getattr(self, name)!r}".replace("'", ""))


@dataclass(frozen=True, slots=True)
class Output:
    """How the result is shown."""

    json: bool = False
    quiet: bool = False
    verbose: bool = False
    no_color: bool = False
    debug: bool = False


def config_path() -> Path:
    """The config file: $FREQKV_CONFIG, or config.toml in the user's config folder. It need not exist."""
    return Path(os.environ.get("FREQKV_CONFIG") or Path(platformdirs.user_config_dir("freqkv")) / "config.toml")


def public_name(setting: str) -> str:
    """The setting's name in the config file; `kind` is called `type` wherever a user sees it, and `start` `from`."""
    return PUBLIC_NAMES.get(setting, setting)


def field_named(given: str) -> str:
    """The field that a user means by a name; its own name does as well."""
    return next((setting for setting, name in PUBLIC_NAMES.items() if name == given), given)


def parse_given(given: str, value: object) -> Any:
    """The value of a setting that a user named, as `parse_setting` makes it. Raises UsageError for what cannot be."""
    try:
        return parse_setting(field_named(given), value)
    except ValueError as error:
        raise UsageError(f"{given} {error}") from None


def flag_name(setting: str) -> str:
    """The setting's name on the command line."""
    return "--" + public_name(setting).replace("_", "-")


def variable_name(setting: str) -> str:
    """The setting's name in the environment."""
    return "FREQKV_" + public_name(setting).upper()


@cache
def setting_types() -> dict[str, Any]:
    """The type of every field of Settings and Output, in their order."""
    return {
        field.name: get_type_hints(owner)[field.name]  # get_type_hints, so that deferred annotations work too
        for owner in (Settings, Output)
        for field in fields(owner)
    }


def choices(setting: str) -> tuple[str, ...]:
    """The words a setting can take; empty when it takes any value of its type."""
    if setting in ("length", "policy"):
        return LENGTHS if setting == "length" else policy_names()
    return next((get_args(kind) for kind in _members(setting_types()[setting]) if get_origin(kind) is Literal), ())


def parse_setting(setting: str, value: object) -> Any:
    """The value of a setting from what a user typed or a config file holds; a finished value comes back unchanged.

    Raises ValueError with a problem that reads on after the setting's name.
    """
    members = _members(setting_types()[setting])
    if NoneType in members and (value is None or (value == "auto" and int in members)):
        return None
    if setting == "length":
        return _parse_length(value)
    if words := choices(setting):
        if value not in words:
            raise ValueError(f"must be one of {', '.join(words)}, not {value}")
        return value
    if bool in members:
        return _parse_switch(value)
    if int in members:
        return parse_size(value, "auto" if NoneType in members else "")
    if float in members:
        return _parse_number(value)
    if not isinstance(value, str):
        raise ValueError(f"must be text, not {value}")
    return value


def parse_size(value: object, word: str = "") -> int:
    """A whole number, with k for thousands and K for 1024s: 2048, 32k = 32000, 32K = 32768, 25.6k = 25600."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and (match := re.fullmatch(r"(-?\d+(?:\.\d+)?)([kK]?)", value.strip(), re.ASCII)):
        size = Decimal(match[1]) * {"": 1, "k": 1000, "K": 1024}[match[2]]
        if size == int(size):
            return int(size)
    raise ValueError(f"must be a whole number such as 2048, 32k or 32K{' or ' + word if word else ''}, not {value}")


def _parse_number(value: object) -> float:
    try:
        if isinstance(value, (int, float, str)) and not isinstance(value, bool):
            return float(value)
    except ValueError:
        pass
    raise ValueError(f"must be a number, not {value}")


def _parse_switch(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in TRUE + FALSE:
        return value.lower() in TRUE
    raise ValueError(f"must be true or false, not {value}")


def _parse_length(value: object) -> str | int:
    if value in LENGTHS:
        return str(value)
    if isinstance(value, str):
        value = value.strip().removesuffix("words").rstrip()
    try:
        return parse_size(value)
    except ValueError:
        raise ValueError(f"must be short, medium, long or a number of words, not {value}") from None


def _is_device(device: str) -> bool:
    return re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", device, re.ASCII) is not None


def _is_length(length: str | int) -> bool:
    return length in LENGTHS or (isinstance(length, int) and length >= 1)


def _members(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
