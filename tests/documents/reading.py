"""Many files read to their end, each in a process of its own with a limit on time and memory; what became of each.

`python -m tests.documents.reading FILE_OR_FOLDER...` prints what went wrong and a table: by suffix how many files were
read, how many refused and why, and the worst time (of the processor) and memory.
"""

import importlib
import json
import os
import pkgutil
import re
import resource
import select
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from freqkv_cli import documents
from freqkv_cli.documents import open_documents
from freqkv_cli.errors import FreqkvError, InputError, NoTextError

SECONDS = 60  # of the processor; five times as many of the clock, as other work may run beside
MEMORY = 4 << 30  # bytes of address space
LIBRARIES = ("mammoth", "pypdf", "pypdfium2", "python_calamine", "xlrd", "selectolax.lexbor", "striprtf.striprtf")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a file. `refusal` is the line that the user sees, `fault` what no user should.

    `seconds` are those of the processor, `memory` the bytes of the process at its peak, interpreter and libraries
    included.
    """

    path: str
    characters: int = 0
    refusal: str | None = None
    exit_code: int = 0
    fault: str | None = None
    left_out: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    seconds: float = 0.0
    memory: int = 0


def read(path: str) -> Outcome:
    """Read a file to its end as the commands do."""
    characters = 0
    left_out: Counter[str] = Counter()
    warnings: list[str] = []
    try:
        for document in open_documents([path]):
            with document:
                for page in document.pages():
                    assert page.text, "a page without text"
                    page.text.encode()
                    page.locate()
                    characters += len(page.text)
                left_out.update(document.left_out)
                warnings += document.warnings
    except (InputError, NoTextError) as error:
        fault = None if error.message.isprintable() else f"not one line: {error.message!r}"
        return Outcome(path, characters, error.message, error.exit_code, fault)
    except FreqkvError as error:
        return Outcome(path, characters, fault=f"{type(error).__name__}: {error.message}")
    except BaseException as error:
        where = "".join(traceback.format_exception(error)[-3:])
        return Outcome(path, characters, fault=where)
    fault = next((f"not one line: {one!r}" for one in warnings if not one.isprintable()), None)
    return Outcome(path, characters, None, 0, fault, dict(left_out), warnings)


def read_alone(path: str) -> Outcome:
    """Read a file in a process of its own, which is ended after `SECONDS` and has `MEMORY`."""
    results, written = os.pipe()
    said_aside = tempfile.TemporaryFile()  # noqa: SIM115
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        try:
            os.close(results)
            os.dup2(said_aside.fileno(), 2)
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            with os.fdopen(written, "w") as stream:
                json.dump(asdict(read(path)), stream)
        finally:
            os._exit(0)
    os.close(written)
    said = b""
    while (left := started + 5 * SECONDS - time.monotonic()) > 0 and select.select([results], [], [], left)[0]:
        if not (block := os.read(results, 1 << 16)):
            break
        said += block
    else:
        os.kill(child, signal.SIGKILL)
    os.close(results)
    _, status, usage = os.wait4(child, 0)
    seconds, memory = usage.ru_utime + usage.ru_stime, usage.ru_maxrss << 10
    try:
        outcome = json.loads(said)
    except ValueError:
        late = seconds >= SECONDS or time.monotonic() - started >= 5 * SECONDS
        ending = f"more than {SECONDS} s" if late else f"the process ended with status {status}"
        outcome = {"path": path, "fault": ending}
    with said_aside:
        said_aside.seek(0)
        if aside := said_aside.read(500).decode(errors="replace"):
            outcome["fault"] = f"{outcome.get('fault') or ''} written to stderr: {aside}"
    return Outcome(**{**outcome, "seconds": seconds, "memory": memory})


def files_in(paths: Iterable[str]) -> Iterator[str]:
    """Yield files, and all files of folders."""
    for path in map(Path, paths):
        yield from map(str, sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path])


REASONS = {  # of a refusal, by what its line says; the first that fits
    "no text": r"no text|is empty",
    "locked": r"password|encrypted|copy protection",
    "broken": r"broken|damaged|can be read|without pages|no document|as HTML",
    "too large": r"unpacks to|more than",
    "no document": "",
}


def reason_of(refusal: str) -> str:
    """Return the kind of reason of a refusal."""
    return next(reason for reason, says in REASONS.items() if re.search(says, refusal))


def table(outcomes: Iterable[Outcome]) -> str:
    """Return what became of files, by suffix, as a Markdown table."""
    by_suffix: dict[str, list[Outcome]] = {"all": []}
    for outcome in sorted(outcomes, key=lambda one: Path(one.path).suffix.lower()):
        by_suffix.setdefault(Path(outcome.path).suffix.lower() or "none", []).append(outcome)
        by_suffix["all"].append(outcome)
    by_suffix["all"] = by_suffix.pop("all")  # at the end
    rows = [f"| | files | read | {' | '.join(REASONS)} | worst s | worst MB |", f"|---|{'---|' * (len(REASONS) + 4)}"]
    for suffix, some in by_suffix.items():
        refused = Counter(reason_of(one.refusal.replace(one.path, "")) for one in some if one.refusal)
        readable = sum(one.refusal is None and one.fault is None for one in some)
        seconds = max((one.seconds for one in some), default=0.0)
        memory = max((one.memory for one in some), default=0) >> 20
        counts = " | ".join(str(refused[reason] or "") for reason in REASONS)
        rows.append(f"| {suffix} | {len(some)} | {readable} | {counts} | {seconds:.1f} | {memory} |")
    return "\n".join(rows)


def report(paths: Iterable[str]) -> int:
    """Read files, print faults as they come and a table at the end; return how many faults there were."""
    for library in LIBRARIES:
        importlib.import_module(library)  # once, instead of in every process
    for module in pkgutil.walk_packages(documents.__path__, f"{documents.__name__}."):
        importlib.import_module(module.name)  # all of one version, whatever is edited meanwhile
    outcomes = []
    for path in paths:
        outcomes.append(read_alone(path))
        if fault := outcomes[-1].fault:
            print(f"FAULT {path}\n{fault}", flush=True)
    print(table(outcomes))
    if log := os.environ.get("OUTCOMES"):
        Path(log).write_text("".join(json.dumps(asdict(one)) + "\n" for one in outcomes))
    return sum(one.fault is not None for one in outcomes)


if __name__ == "__main__":
    sys.exit(min(1, report(files_in(sys.argv[1:]))))
