"""Policy specs: policies that are measured on the same tokens, each with its slots."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from freqkv_cli.config import Settings, choices
from freqkv_cli.errors import UsageError
from freqkv_cli.events import Event
from freqkv_cli.inference.engine import Engine
from freqkv_cli.kvcache.cache import FreqkvCache, make_cache
from freqkv_cli.kvcache.geometry import Geometry
from freqkv_cli.kvcache.policies import make_policy
from freqkv_cli.measurement.subject import Subject, open_subject
from freqkv_cli.reading.plan import pinned_geometry

WHOLE = "full"


@dataclass(frozen=True, slots=True)
class PolicySpec:
    """A policy with its slots; `label` is what the user called it: `window`, or `window@0.75` for fewer slots.

    limit: the most tokens it can read; None: any number. adapter: its own, in place of the settings'.
    """

    label: str
    policy: str
    geometry: Geometry
    limit: int | None
    adapter: str | None = None

    def new_cache(self, subject: Subject) -> FreqkvCache:
        """Return an empty cache for the subject's model."""
        loaded = subject.loaded
        policy = make_policy(self.policy, loaded.importance)
        return make_cache(loaded.model, self.geometry, policy, window=subject.window)

    def new_engine(self, subject: Subject) -> Engine:
        """Return an engine with the subject's model and a clock of its own."""
        return Engine(subject.loaded.model, subject.chunk)


@dataclass(slots=True)
class Subjects:
    """The model as each spec reads with it: the `first` one, with the adapter of the settings, and beside it the
    last one that came with an adapter of its own.
    """

    settings: Settings
    first: Subject
    _adapter: str | None = None
    _other: Subject | None = None

    def of(self, spec: PolicySpec) -> Generator[Event, None, Subject]:
        """Return the model for a spec, loaded if need be. Raises what loading raises."""
        if spec.adapter is None:
            return self.first
        if self._other is None or spec.adapter != self._adapter:
            self._other, self._adapter = None, spec.adapter
            self._other = yield from open_subject(replace(self.settings, adapter=spec.adapter), None)
        return self._other


def check_labels(labels: Sequence[str]) -> None:
    """Raise UsageError for a label that names no policy, before anything is loaded."""
    for label in labels:
        split_label(label)
    if not labels:
        raise UsageError(f"--policies names none; choose from: {', '.join(choices('policy'))}")


def split_label(label: str) -> tuple[str, float]:
    """Return the policy and the share of the slots. Raises UsageError for what is no label."""
    policy, at, text = label.partition("@")
    if policy not in choices("policy"):
        raise UsageError(f"--policies: there is no {policy}; choose from: {', '.join(choices('policy'))}")
    try:
        share = float(text) if at else 1.0
    except ValueError:
        share = 0.0
    if not 0.0 < share <= 1.0 or (at and policy == WHOLE):
        raise UsageError(
            f"--policies {label}: behind @ stands a share of the slots, such as window@0.75; full has none"
        )
    return policy, share


def open_specs(
    labels: Sequence[str], subject: Subject, settings: Settings, adapters: Path | None = None
) -> list[PolicySpec]:
    """Return the specs in the order of their labels. `full` has the model's window, whatever the cache size.

    Behind them come the same ones, `(tuned)`, with the adapters that have their policy's name in the folder `adapters`.
    """
    found = []
    for label in labels:
        policy, share = split_label(label)
        if policy == WHOLE:
            slots = Geometry(subject.window, settings.sink_tokens)
            found.append(PolicySpec(label, policy, slots, subject.window))
        else:
            slots = pinned_geometry(replace(settings, policy=policy), round(share * subject.geometry.cache_size), 0)
            found.append(PolicySpec(label, policy, slots, None))
    if adapters is not None:
        found += [
            replace(one, label=f"{one.label} (tuned)", adapter=str(adapters / one.policy))
            for one in found
            if (adapters / one.policy).is_dir()
        ]
    return found


def check_adapters(adapters: Path | None, labels: Sequence[str]) -> None:
    """Raise UsageError when a folder of adapters has none for any of the policies."""
    if adapters is not None and not any((adapters / split_label(label)[0]).is_dir() for label in labels):
        raise UsageError(f"--adapters {adapters}: there is no folder in it that is called like one of the policies")


def shrunk(spec: PolicySpec, tokens: int) -> PolicySpec:
    """Return a `full` spec with no more slots than `tokens`; others as they are."""
    if spec.limit is None or tokens >= spec.geometry.cache_size:
        return spec
    least = spec.geometry.sink_tokens + 2
    return replace(spec, geometry=replace(spec.geometry, cache_size=max(tokens, least)))
