"""What is chosen for a device where the user says nothing: tokens of a forward, and slots. One table."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DeviceDefaults:
    """chunk: the most tokens of one forward. slots: the most of a cache, however large window and memory are."""

    chunk: int
    slots: int


# CPU: measured. A larger chunk gains nothing and costs memory; at 8192 slots attention is most of the work, and 2048
# read three times as fast, with answers as good (docs/experiments.md).
# CUDA: reckoned, not measured. A forward reads all weights, 2 bytes each, and computes 2 operations a token with each:
# with some hundreds of tokens it is bound by arithmetic, and 2048 leave launches and compressions a few percent.
# 8192 slots are an eighth of the bytes that an 8B model's 16-bit weights are: writing reads little more than weights.
# MPS: between the two, not measured.
DEFAULTS = {"cpu": DeviceDefaults(512, 2048), "cuda": DeviceDefaults(2048, 8192), "mps": DeviceDefaults(512, 4096)}


def device_defaults(device: str) -> DeviceDefaults:
    """Return what is chosen for a device: cpu, mps or cuda:N."""
    return DEFAULTS[device.partition(":")[0]]
