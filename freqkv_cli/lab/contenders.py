"""Contenders: policies that are measured on the same tokens, each with its slots."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from freqkv_cli.config import Settings, choices
from freqkv_cli.errors import UsageError
from freqkv_cli.inference.engine import Engine
from freqkv_cli.kvcache.cache import FreqkvCache, make_cache
from freqkv_cli.kvcache.geometry import Geometry
from freqkv_cli.kvcache.policies.policy import make_policy
from freqkv_cli.lab.bench_subject import Subject
from freqkv_cli.tasks.plan import pinned_geometry

WHOLE = "full"


@dataclass(frozen=True, slots=True)
class Contender:
    """A policy with its slots; `label` is what the user called it: `window`, or `window@0.75` for fewer slots.

    limit: the most tokens it can read; None: any number.
    """

    label: str
    policy: str
    geometry: Geometry
    limit: int | None

    def new_cache(self, subject: Subject) -> FreqkvCache:
        """Return an empty cache for the subject's model."""
        loaded = subject.loaded
        policy = make_policy(self.policy, loaded.foresight)
        return make_cache(loaded.model, self.geometry, policy, window=subject.window)

    def new_engine(self, subject: Subject) -> Engine:
        """Return an engine with the subject's model and a clock of its own."""
        return Engine(subject.loaded.model, subject.chunk)


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


def open_contenders(labels: Sequence[str], subject: Subject, settings: Settings) -> list[Contender]:
    """Return the contenders in the order of their labels. `full` has the model's window, whatever the cache size."""
    found = []
    for label in labels:
        policy, share = split_label(label)
        if policy == WHOLE:
            slots = Geometry(subject.window, settings.sink_tokens)
            found.append(Contender(label, policy, slots, subject.window))
        else:
            slots = pinned_geometry(settings, round(share * subject.geometry.cache_size), 0)
            found.append(Contender(label, policy, slots, None))
    return found


def shrunk(contender: Contender, tokens: int) -> Contender:
    """Return a `full` contender with no more slots than `tokens`; others as they are."""
    if contender.limit is None or tokens >= contender.geometry.cache_size:
        return contender
    least = contender.geometry.sink_tokens + 2
    return replace(contender, geometry=replace(contender.geometry, cache_size=max(tokens, least)))
