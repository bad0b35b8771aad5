"""Adapters: what a model has learnt for a certain cache, merged into its weights when they are loaded; without peft.

A folder holds `adapter_model.safetensors` and `adapter_config.json`, which peft reads and writes too, and
`freqkv.json`, which says for which model and which cache it was trained. There may be `importance.safetensors`, too:
what some policies go by when they choose what to keep (kvcache/importance.py).
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from freqkv_cli.errors import ModelError
from freqkv_cli.models.aliases import ALIASES
from freqkv_cli.models.fingerprint import weights_print
from freqkv_cli.models.source import ModelSource
from freqkv_cli.models.store import sha256

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = 1
WEIGHTS, CONFIG, MANIFEST = "adapter_model.safetensors", "adapter_config.json", "freqkv.json"
IMPORTANCE, EARLIER = "importance.safetensors", "foresight.safetensors"  # the name now, and in adapters of 0.1
NONE = "none"  # the --adapter that leaves a model as it is
PREFIX, FIRST, SECOND = "base_model.model.", ".lora_A.weight", ".lora_B.weight"
SHIPPED = Path(__file__).parent / "adapters"  # a folder for each alias that has an adapter
PRINT_DIGITS = 16
# What peft can do beside plain LoRA, and what that is called in its config: none of it is merged here.
BEYOND = ("use_dora", "fan_in_fan_out", "rank_pattern", "alpha_pattern", "modules_to_save", "use_qalora", "lora_bias")


@dataclass(frozen=True, slots=True)
class AdapterCache:
    """The cache that an adapter was trained for; see `Geometry`."""

    policy: str
    cache_size: int
    sink_tokens: int
    recent_tokens: int
    retain_ratio: float


@dataclass(frozen=True, slots=True)
class AdapterManifest:
    """What `freqkv.json` says. `base` names the weights (see models/fingerprint.py), `base_name` says which --model.

    `training` is for people: objective, data, tokens, versions.
    """

    format: int
    freqkv: str
    base_name: str
    base: str
    cache: AdapterCache
    training: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Adapter:
    """An adapter on this machine. `digest` names its numbers; `scale` multiplies them; `shipped` comes with freqkv."""

    folder: Path
    digest: str
    scale: float
    manifest: AdapterManifest
    shipped: bool = False

    @property
    def name(self) -> str:
        """What a user may call it: its folder."""
        return f"{self.folder.name} (shipped)" if self.shipped else str(self.folder)

    def misfit(self, policy: str, cache_size: int, recent_tokens: int, retain_ratio: float) -> str | None:
        """How this cache differs from the one that the adapter was trained for, in words; None if it does not.

        Sinks do not count: they are the instruction. What is shipped was measured with other sizes, too.
        """
        trained = self.manifest.cache
        pairs = {
            "--policy": (trained.policy, policy),
            "--cache-size": (trained.cache_size, trained.cache_size if self.shipped else cache_size),
            "--recent-tokens": (trained.recent_tokens, trained.recent_tokens if self.shipped else recent_tokens),
            "--retain-ratio": (trained.retain_ratio, retain_ratio),
        }
        differing = [f"{flag} {theirs}, not {ours}" for flag, (theirs, ours) in pairs.items() if theirs != ours]
        return (
            f"the adapter {self.name} was trained with {' and '.join(differing)}: it may help less"
            if differing
            else None
        )


def find_adapter(setting: str | None, source: ModelSource, policy: str) -> Adapter | None:
    """Return the adapter that --adapter means here; None for `none`, or where none is shipped for model and policy.

    Raises ModelError when there is no such adapter, it is broken, or it belongs to another model.
    """
    if setting == NONE:
        return None
    if setting is None:
        folder = SHIPPED / source.name
        if source.name not in ALIASES or not folder.is_dir():
            return None
        adapter = open_adapter(folder, shipped=True)
        serves = adapter.manifest.cache.policy == policy and adapter.manifest.base == weights_print(source)
        return adapter if serves else None
    adapter = open_adapter(Path(setting).expanduser())
    base = weights_print(source)
    if adapter.manifest.base != base:
        raise ModelError(
            f"the adapter {setting} belongs to --model {adapter.manifest.base_name} ({adapter.manifest.base}), not to "
            f"{source.name} ({base}): give that model, or --adapter none"
        )
    return adapter


def open_adapter(folder: Path, *, shipped: bool = False) -> Adapter:
    """Return the adapter in a folder, without its numbers. Raises ModelError when it cannot be used."""
    missing = [name for name in (WEIGHTS, CONFIG, MANIFEST) if not (folder / name).is_file()]
    if missing:
        what = "there is no adapter" if len(missing) == 3 else "the adapter is incomplete"
        raise ModelError(f"{what} in {folder}: no {', no '.join(missing)}; freqkv train makes such folders")
    try:
        manifest = _manifest().validate_json((folder / MANIFEST).read_bytes())
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        scale = config["lora_alpha"] / (config["r"] ** 0.5 if config.get("use_rslora") else config["r"])
        beyond = [name for name in BEYOND if config.get(name)]
        plain = config.get("peft_type") == "LORA" and config.get("bias", "none") == "none"
    except (OSError, ValidationError, ValueError, KeyError, TypeError, AttributeError, ZeroDivisionError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(f"the adapter in {folder} is broken ({reason}): make it again") from None
    if manifest.format != FORMAT:
        raise ModelError(
            f"the adapter in {folder} is of format {manifest.format}, of freqkv {manifest.freqkv[:20]}, and this "
            f"freqkv knows format {FORMAT}: train it again"
        )
    if not plain or beyond:
        raise ModelError(f"the adapter in {folder} is not plain LoRA ({', '.join(beyond) or 'another kind'})")
    parts = [sha256(path) for path in (folder / WEIGHTS, importance_file(folder)) if path.is_file()]
    digest = (parts[0] if len(parts) == 1 else hashlib.sha256("".join(parts).encode()).hexdigest())[:PRINT_DIGITS]
    return Adapter(folder.absolute(), f"{digest}-{scale:g}", float(scale), manifest, shipped)


def write_manifest(folder: Path, manifest: AdapterManifest) -> None:
    """Write `freqkv.json`, whole or not at all."""
    with whole_file(folder / MANIFEST) as draft:
        draft.write_text(json.dumps(asdict(manifest), indent=2) + "\n", encoding="utf-8")


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a draft to write, which then takes the place of `path`: that is there whole or not at all."""
    draft = path.with_name(f".{path.name}.draft")
    yield draft
    draft.replace(path)


def merge_adapter(adapter: Adapter, weights: dict[str, "Tensor"]) -> dict[str, "Tensor"]:
    """Return `weights` (by name) with W + scale * B @ A, in fp32, in the place of each W that the adapter changes.

    Raises ModelError when the adapter does not go with these weights.
    """
    changes = read_changes(adapter, weights)
    return weights | {name: weights[name].float() + change() for name, change in changes.items()}


def read_changes(adapter: Adapter, weights: Mapping[str, "Tensor"]) -> "dict[str, Callable[[], Tensor]]":
    """Return what the adapter adds to each of `weights` (by name) that it changes: scale * B @ A in fp32, when asked.

    Raises ModelError when the adapter does not go with these weights.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        parts = load_file(adapter.folder / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"the adapter {adapter.name} is broken ({error}): make it again") from None
    changes: dict[str, Callable[[], Tensor]] = {}
    for name in parts:
        module = name.removeprefix(PREFIX).removesuffix(FIRST).removesuffix(SECOND)
        first, second = parts.get(f"{PREFIX}{module}{FIRST}"), parts.get(f"{PREFIX}{module}{SECOND}")
        weight = weights.get(f"{module}.weight")
        if first is None or second is None or weight is None or weight.shape != (second.shape[0], first.shape[1]):
            raise ModelError(f"the adapter {adapter.name} does not go with the model: {name} has no counterpart")
        if name.endswith(FIRST):
            changes[f"{module}.weight"] = partial(_product, adapter.scale, second, first)
    return changes


def changed_parameters(adapter: Adapter) -> int:
    """How many weights of the model an adapter changes; nothing of it is read but the names and shapes.

    Raises ModelError when it is damaged.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(adapter.folder / WEIGHTS, framework="pt") as parts:
            shapes = {name: parts.get_slice(name).get_shape() for name in parts.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise ModelError(f"the adapter {adapter.name} is broken ({error}): make it again") from None
    return sum(
        shapes[name.removesuffix(FIRST) + SECOND][0] * shape[1]
        for name, shape in shapes.items()
        if name.endswith(FIRST) and name.removesuffix(FIRST) + SECOND in shapes
    )


def _product(scale: float, second: "Tensor", first: "Tensor") -> "Tensor":
    return scale * (second.float() @ first.float())


def importance_file(folder: Path) -> Path:
    """Return where an adapter's folder has what it knows of importance, if it knows anything."""
    earlier = folder / EARLIER
    return earlier if earlier.is_file() else folder / IMPORTANCE


def read_importance(folder: Path) -> "Tensor | None":
    """Return what an adapter's folder knows of importance, [layers, kv_heads, features] in fp32; None if nothing.

    Raises ModelError when it is damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = importance_file(folder)
    if not path.is_file():
        return None
    try:
        return load_file(path)["weights"].float()
    except (OSError, SafetensorError, KeyError) as error:
        raise ModelError(f"{path} is broken ({error}): make the adapter again") from None


@cache
def _manifest() -> TypeAdapter[AdapterManifest]:
    return TypeAdapter(AdapterManifest)
