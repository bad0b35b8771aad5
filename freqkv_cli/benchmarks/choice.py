"""What a benchmark is asked to measure."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from freqkv_cli.benchmarks.runs import REQUEST
from freqkv_cli.config import choices
from freqkv_cli.errors import UsageError

OWN = "freqkv"
POLICIES = (OWN, "window", "full")  # unless others are named
# What freqkv is put against, and what each is called in tables.
RIVALS = {
    "llama.cpp": "llama.cpp",
    "llama.cpp-noflash": "llama.cpp-noflash",
    "full": "transformers",
    "bare": "bare",
}
LLAMA_CPP = ("llama.cpp", "llama.cpp-noflash")


@dataclass(frozen=True, slots=True)
class BenchOptions:
    """depths: tokens, rising; written: tokens per answer; shape: of random weights, or None; start: measure start-up.

    Raises UsageError for what cannot be.
    """

    depths: tuple[int, ...] = (2000, 6000, 30000)
    policies: tuple[str, ...] = POLICIES
    against: tuple[str, ...] = ()
    repetitions: int = 3
    written: int = 32
    shape: str | None = None
    start: bool = True
    plot: Path | None = None

    def __post_init__(self) -> None:
        _require_known("--policies", self.policies, choices("policy"))
        _require_known("--against", self.against, tuple(RIVALS))
        if not self.depths or self.depths[0] < REQUEST or list(self.depths) != sorted(set(self.depths)):
            raise UsageError(f"--depths must rise and be {REQUEST} or more, such as 2k,6k,30k")
        if self.against and OWN not in self.policies:
            raise UsageError(f"--against compares with the policy {OWN}: name it in --policies as well")
        if self.shape is not None and set(LLAMA_CPP) & set(self.against):
            raise UsageError("--against llama.cpp needs a GGUF file, and random weights have none")


def _require_known(option: str, names: Sequence[str], known: Sequence[str]) -> None:
    for name in names:
        if name not in known:
            raise UsageError(f"{option}: there is no {name}; choose from: {', '.join(known)}")
