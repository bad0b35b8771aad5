"""Jobs: documents and what is wanted of each, from paths, globs, folders and lists; without opening any."""

import glob
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from freqkv_cli.documents.collection import is_folder
from freqkv_cli.errors import UsageError

SUMMARIZE, ASK = "summarize", "ask"
KNOWN = {"id", "path", "question", "questions", "task", "options"}


@dataclass(frozen=True, slots=True)
class Demand:
    """One thing that is wanted of a document: a summary, or the answer to `question`."""

    task: str
    question: str | None = None


@dataclass(frozen=True, slots=True)
class BatchJob:
    """A document and all that is wanted of it. `id` is None where the user gave none, `options` are settings that hold
    for it alone, `problem` says why it cannot be done at all.
    """

    path: str
    demands: tuple[Demand, ...]
    id: str | None = None
    options: tuple[tuple[str, Any], ...] = ()
    problem: str | None = None

    @property
    def name(self) -> str:
        """The id, or one that goes by path and content: a file that has changed is another document.

        Raises OSError where the file cannot be read.
        """
        if self.id is not None:
            return self.id
        digest = hashlib.sha256(self.path.encode("utf-8", "surrogatepass"))
        with open(self.path, "rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()[:16]

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON, for `from_json` in another process."""
        return asdict(self)


def job_from_json(fields: dict[str, Any]) -> BatchJob:
    """Return what `BatchJob.as_json` gave."""
    demands = tuple(Demand(**one) for one in fields["demands"])
    options = tuple((name, value) for name, value in fields["options"])
    return BatchJob(fields["path"], demands, fields["id"], options, fields["problem"])


@dataclass(frozen=True, slots=True)
class Shard:
    """The part `number` of `count` equal ones, from 1. Which part a document is in goes by its id or path alone."""

    number: int = 1
    count: int = 1

    @classmethod
    def parse(cls, written: str) -> "Shard":
        """Return what is written as "3/16". Raises UsageError."""
        number, _, count = written.partition("/")
        if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
            raise UsageError(f"--shard {written} is no part of a whole: write it like 3/16")
        return cls(int(number), int(count))

    @classmethod
    def of_slurm(cls, environment: dict[str, str]) -> "Shard":
        """Return the part that a task of a SLURM array has, all of it elsewhere."""
        names = ("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT")
        index, count = (environment.get(name, "") for name in names)
        least = environment.get("SLURM_ARRAY_TASK_MIN", "1")
        if not (index.isdecimal() and count.isdecimal() and least.isdecimal()):
            return cls()
        if not 0 <= int(index) - int(least) < int(count):
            raise UsageError("the SLURM array has gaps, so that shards cannot be told from it: give --shard 3/16")
        return cls(int(index) - int(least) + 1, int(count))

    def holds(self, job: BatchJob) -> bool:
        """Return whether a job is in this part."""
        digest = hashlib.sha256((job.id or job.path).encode("utf-8", "surrogatepass")).digest()
        return int.from_bytes(digest[:8]) % self.count == self.number - 1

    def file(self, target: Path) -> Path:
        """Return the output of this part, so that no two parts write one file: out.3-of-16.jsonl."""
        return target if self.count == 1 else target.with_stem(f"{target.stem}.{self.number}-of-{self.count}")


def jobs_of(sources: Sequence[str], lines: Iterable[bytes], demands: Sequence[Demand]) -> Iterator[BatchJob]:
    """Yield a job for every file that the sources are (paths, globs, folders), then for every line of a list.

    `demands` hold where a line has none of its own.
    """
    for source in sources:
        for path in files_of(source):
            yield BatchJob(path, tuple(demands))
    for number, line in enumerate(lines, 1):
        text = line.decode("utf-8", "replace").strip("\r\n")
        if text.strip():
            yield from line_jobs(text, number, demands)


def files_of(source: str) -> list[str]:
    """Return the files of a folder, hidden ones left out, or those that a pattern matches; anything else as it is."""
    if is_folder(source):
        found = sorted(one for one in Path(source).rglob("*") if one.is_file())
        return [str(one) for one in found if not any(part.startswith(".") for part in one.relative_to(source).parts)]
    if glob.has_magic(source) and not Path(source).exists():
        matches = sorted(path for path in glob.glob(source, recursive=True) if not Path(path).is_dir())
        if not matches:
            raise UsageError(f"no file is called {source}: check the pattern")
        return matches
    return [source]


def line_jobs(text: str, number: int, demands: Sequence[Demand]) -> list[BatchJob]:
    """Return the jobs of a line: a path, or an object with `path` and perhaps `id`, `questions`, `task`, `options`."""
    if not text.lstrip().startswith("{"):
        return [BatchJob(path, tuple(demands)) for path in files_of(text)]
    given: Any = None
    try:
        given = json.loads(text)
        return [job_of(given, demands)]
    except (ValueError, TypeError) as error:
        path = str(given.get("path") or "") if isinstance(given, dict) else ""
        own = given.get("id") if isinstance(given, dict) else None
        name = own if isinstance(own, str) else f"line {number}"
        return [
            BatchJob(path, tuple(demands) or (Demand(SUMMARIZE),), name, problem=f"line {number} of the list: {error}")
        ]


def job_of(given: dict[str, Any], demands: Sequence[Demand]) -> BatchJob:
    """Return the job of a JSON object. Raises ValueError."""
    if unknown := set(given) - KNOWN:
        raise ValueError(f"{', '.join(sorted(unknown))} is not known: {', '.join(sorted(KNOWN))} are")
    path, own = given.get("path"), given.get("id")
    if not isinstance(path, str) or not path:
        raise ValueError("path is missing")
    if own is not None and not isinstance(own, str | int):
        raise ValueError("id must be text or a number")
    questions = given.get("questions", [given["question"]] if "question" in given else [])
    if not isinstance(questions, list) or not all(isinstance(one, str) and one.strip() for one in questions):
        raise ValueError("questions must be a list of texts")
    tasks = [given["task"]] if "task" in given else []
    if not set(tasks) <= {SUMMARIZE, ASK} or (ASK in tasks and not questions):
        raise ValueError("task must be summarize, or ask with questions")
    if not isinstance(given.get("options", {}), dict):
        raise ValueError("options must be an object")
    wanted = [Demand(SUMMARIZE)] * (SUMMARIZE in tasks) + [Demand(ASK, one) for one in questions]
    options = tuple(given.get("options", {}).items())
    return BatchJob(path, tuple(wanted or demands), None if own is None else str(own), options)
