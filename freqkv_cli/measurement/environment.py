"""What figures depend on: versions, machine, device, threads, and the commit of this code."""

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

PACKAGES = ("transformers", "bitsandbytes", "numba", "tokenizers")
CPU_FEATURES = ("avx2", "avx512_f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8", "neon", "sve", "bf16")


def environment(device: str) -> dict[str, Any]:
    """Return the machine and the software; `device` is where the model runs."""
    found: dict[str, Any] = {
        "freqkv": _version("freqkv"),
        "commit": commit(),
        "python": platform.python_version(),
        # With its build, +cu128: the metadata of wheels of the index leave that out.
        "torch": str(torch.__version__),
        **{package: _version(package) for package in PACKAGES},
        "system": platform.platform(),
        "cpu": cpu_name(),
        "cpu_features": cpu_features(),
        "threads": torch.get_num_threads(),
        "device": device,
    }
    if device.startswith("cuda"):
        found |= {"gpu": torch.cuda.get_device_name(device), "cuda": torch.version.cuda}
    return found


def commit() -> str | None:
    """Return the commit of a checkout, with "+" when files differ from it; None for an installed package."""
    folder = Path(__file__).parent
    try:
        _git(folder, "ls-files", "--error-unmatch", Path(__file__).name)  # or it would be somebody else's repository
        head = _git(folder, "rev-parse", "--short=12", "HEAD")
        return head + ("+" if _git(folder, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def cpu_name() -> str:
    """Return the processor as the system calls it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # not Linux
    return platform.processor() or platform.machine()


def cpu_features() -> list[str]:
    """Return the instructions that torch finds and that matter for speed."""
    if not hasattr(torch.cpu, "get_capabilities"):
        return [torch.backends.cpu.get_cpu_capability()]
    features = torch.cpu.get_capabilities()
    return [name for name in CPU_FEATURES if features.get(name)]


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
