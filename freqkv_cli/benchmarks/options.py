"""What a benchmark is asked to measure."""

from dataclasses import dataclass
from pathlib import Path

from freqkv_cli.benchmarks.runs import REQUEST
from freqkv_cli.errors import UsageError
from freqkv_cli.measurement.policy_specs import check_labels

OWN = "freqkv"
RIVALS = ("llama.cpp", "transformers")


@dataclass(frozen=True, slots=True)
class BenchOptions:
    """depths: tokens, rising; written: tokens per answer; shape: of random weights, or None.

    Raises UsageError for what cannot be.
    """

    depths: tuple[int, ...] = (2000, 6000, 30000)
    policies: tuple[str, ...] = (OWN, "window", "full")
    against: tuple[str, ...] = ()
    repetitions: int = 3
    written: int = 32
    shape: str | None = None
    plot: Path | None = None

    def __post_init__(self) -> None:
        check_labels(self.policies)
        for name in self.against:
            if name not in RIVALS:
                raise UsageError(f"--against: there is no {name}; choose from: {', '.join(RIVALS)}")
        if not self.depths or self.depths[0] < REQUEST or list(self.depths) != sorted(set(self.depths)):
            raise UsageError(f"--depths must rise and be {REQUEST} or more, such as 2k,6k,30k")
        if self.against and OWN not in self.policies:
            raise UsageError(f"--against compares with the policy {OWN}: name it in --policies as well")
        if self.shape is not None and "llama.cpp" in self.against:
            raise UsageError("--against llama.cpp needs a GGUF file, and random weights have none")
