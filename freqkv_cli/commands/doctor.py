"""freqkv doctor: checks this machine, and says how to repair what is wrong."""

import json
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Annotated, Literal

import typer

from freqkv_cli.errors import ExitCode, FreqkvError
from freqkv_cli.terminal.number_format import memory
from freqkv_cli.terminal.printable import one_line

Status = Literal["ok", "warning", "error", "skipped"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found; `fix` says what to do about it."""

    status: Status
    message: str
    fix: str = ""


Check = Callable[[], Finding]


def check_python() -> Finding:
    """Python is new enough, and 64 bits."""
    told = f"Python {sys.version.split()[0]}"
    if sys.version_info < (3, 11) or sys.maxsize < 2**32:
        return Finding("error", f"{told} is too old or has 32 bits", "install a 64-bit Python 3.11 or later")
    return Finding("ok", told)


def check_torch() -> Finding:
    """Torch multiplies matrices."""
    import torch

    product = torch.ones(64, 64) @ torch.ones(64, 64)
    if not bool((product == 64).all()):
        return Finding(
            "error", f"torch {torch.__version__} multiplies wrongly", "reinstall it: pip install --force torch"
        )
    return Finding("ok", f"torch {torch.__version__}, {torch.get_num_threads()} threads")


def check_cuda() -> Finding:
    """Torch can use the GPU, if there is one."""
    import torch

    if torch.version.cuda is None:
        return Finding("skipped", "torch is a build without CUDA")
    if not torch.cuda.is_available():
        fix = "if there is an NVIDIA GPU, update its driver or install a torch built for an older CUDA"
        return Finding("warning", f"torch is built for CUDA {torch.version.cuda} but finds no usable GPU", fix)
    product = torch.ones(64, 64, device="cuda") @ torch.ones(64, 64, device="cuda")
    if not bool((product == 64).all()):
        return Finding("error", "the GPU multiplies wrongly", "run again with --device cpu; check the driver")
    names = ", ".join(torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count()))
    return Finding("ok", f"CUDA {torch.version.cuda}: {names}")


def check_bitsandbytes() -> Finding:
    """A 4-bit layer computes nearly what a plain one does, on the device that `auto` means."""
    from importlib.util import find_spec

    if find_spec("bitsandbytes") is None:
        return Finding("warning", "bitsandbytes is not installed: no --quant 4bit or 8bit", "pip install bitsandbytes")
    import torch
    from bitsandbytes.nn import Linear4bit

    from freqkv_cli.models.device import choose_device

    device = choose_device("auto")
    if device == "mps":
        return Finding("skipped", "bitsandbytes does not work on mps")
    generator = torch.Generator().manual_seed(0)
    weight, row = torch.randn(64, 64, generator=generator), torch.randn(1, 64, generator=generator)
    layer = Linear4bit(64, 64, bias=False, quant_type="nf4", compute_dtype=torch.float32)
    layer.load_state_dict({"weight": weight})
    with torch.no_grad():
        actual = layer.to(device)(row.to(device)).cpu()
    expected = row @ weight.T
    error = float((actual - expected).norm() / expected.norm())
    if not error < 0.3:
        return Finding(
            "error", f"a 4-bit layer on {device} is {error:.0%} off", "use --quant none, or update bitsandbytes"
        )
    return Finding("ok", f"a 4-bit layer on {device} works ({error:.0%} off, as 4 bits are)")


def check_kernels() -> Finding:
    """The kernels that write on a CPU give the right product; compiled here, once, if they have not been before."""
    slow = "answers are written two to three times as slowly"
    try:
        from freqkv_cli.inference.self_test import multiply_with_a_kernel

        sound, told = multiply_with_a_kernel()
    except ImportError as error:
        return Finding("warning", f"{error}: {slow}", "pip install numba")
    except RuntimeError as error:  # numba's own words: nowhere to keep what it compiles
        return Finding("warning", f"{error}: {slow}", "set NUMBA_CACHE_DIR to a folder that can be written")
    if not sound:
        return Finding("error", f"{told} multiplies wrongly", "reinstall it: pip install --force numba")
    return Finding("ok", told)


def check_memory() -> Finding:
    """The model that --model auto takes fits."""
    from freqkv_cli.models.aliases import ALIASES
    from freqkv_cli.models.auto_model import choose_model
    from freqkv_cli.models.device import choose_device
    from freqkv_cli.models.memory import available_memory

    device = choose_device("auto")
    free, taken = available_memory(device), choose_model().name
    told = f"{memory(free)} free on {device}: --model auto takes {taken}"
    if taken in ALIASES and free < ALIASES[taken].free_memory:
        fix = "close other programs, or use a smaller --cache-size and --chunk"
        return Finding("error", f"{told}, the smallest, which needs about {memory(ALIASES[taken].free_memory)}", fix)
    return Finding("ok", told)


def check_disk() -> Finding:
    """The cache folder can be written, and has room for the default model."""
    import tempfile

    from freqkv_cli.models.aliases import ALIASES
    from freqkv_cli.models.auto_model import choose_model
    from freqkv_cli.models.fetch import disk_needed
    from freqkv_cli.models.store import cache_folder, require_room, writing_to

    folder = cache_folder()
    try:
        with writing_to(folder):
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder) as file:
                file.write(b"freqkv")
        known = ALIASES.get(choose_model().name)
        if known is not None:
            require_room(disk_needed(known), folder)
    except FreqkvError as error:
        return Finding("error", error.message)
    return Finding("ok", f"{folder} can be written")


def check_default_model() -> Finding:
    """The model that --model auto takes is there, as long as it should be, and not written to since it was hashed."""
    from freqkv_cli.models.aliases import ALIASES
    from freqkv_cli.models.auto_model import choose_model
    from freqkv_cli.models.store import damage, models_folder

    taken = choose_model().name
    if taken not in ALIASES:
        return Finding("ok", f"--model auto takes {taken}, of the hub")
    folder, pull = models_folder() / ALIASES[taken].entry, f"freqkv models pull {taken}"
    if not folder.exists():
        return Finding("warning", f"the default model {taken} is not there yet", f"{pull} (or it comes when needed)")
    problem = damage(folder, thorough=True)
    if problem is not None:
        fix = f"freqkv models rm -y {taken}; {pull}"
        return Finding("error", f"the default model {taken} is damaged: {problem}", fix)
    return Finding("ok", f"{taken} is complete in {folder}")


def check_readers() -> Finding:
    """What documents are read with is there."""
    from importlib.util import find_spec

    modules = {"pypdf": "PDF", "cryptography": "encrypted PDF", "selectolax": "HTML and EPUB"}
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        told = ", ".join(f"{modules[module]} ({module})" for module in missing)
        return Finding("warning", f"cannot read {told}", f"pip install {' '.join(missing)}")
    return Finding("ok", f"{', '.join(modules.values())} and text can be read")


def check_reading() -> Finding:
    """A random model reads through a cache of fixed size, on the device that `auto` means."""
    from freqkv_cli.inference.self_test import read_with_a_tiny_model
    from freqkv_cli.models.device import choose_device

    sound, told = read_with_a_tiny_model(choose_device("auto"))
    if not sound:
        return Finding("error", f"{told}, and failed", "reinstall torch and transformers")
    return Finding("ok", told)


CHECKS: dict[str, Check] = {
    "python": check_python,
    "torch": check_torch,
    "cuda": check_cuda,
    "bitsandbytes": check_bitsandbytes,
    "kernels": check_kernels,
    "memory": check_memory,
    "disk": check_disk,
    "default model": check_default_model,
    "readers": check_readers,
    "reading": check_reading,
}


def doctor(as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False) -> None:
    """Check this machine: ok, warning, error or skipped, with a fix for each. Exit code 1 only if there is an error."""
    findings: dict[str, Finding] = {}
    for name, check in CHECKS.items():
        findings[name] = examine(check)
        if not as_json:
            _print(name, findings[name])
    counts = Counter(finding.status for finding in findings.values())
    if as_json:
        rows = [{"check": name, **asdict(finding)} for name, finding in findings.items()]
        typer.echo(json.dumps({"schema_version": 1, "checks": rows, "counts": dict(counts)}))
    else:
        typer.echo(", ".join(f"{counts[status]} {status}" for status in ("ok", "warning", "error", "skipped")))
    if counts["error"]:
        raise typer.Exit(ExitCode.UNEXPECTED)


def examine(check: Check) -> Finding:
    """Run one check; one that fails itself is an error."""
    try:
        return check()
    except FreqkvError as error:
        return Finding("error", error.message)
    except Exception as error:  # whatever a broken installation raises is what the user wants to know
        return Finding("error", f"{type(error).__name__}: {error}", "reinstall freqkv in a fresh virtual environment")


def _print(name: str, finding: Finding) -> None:
    typer.echo(f"{finding.status:<8} {name:<{max(map(len, CHECKS))}}  {one_line(finding.message)}")
    if finding.fix and finding.status in ("warning", "error"):
        typer.echo(f"{'':<8} {'':<{max(map(len, CHECKS))}}  fix: {one_line(finding.fix)}")
