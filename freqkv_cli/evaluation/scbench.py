"""The public shared contexts of SCBench (arXiv 2412.10319), from the hub or from a file.

The set `microsoft/SCBench` has a file `data/NAME.jsonl` for each task, one context a line:

| field | meaning |
|---|---|
| `context` (or `input`) | what all turns share: text, in `scbench_mf` a list of numbers |
| `multi_turns` | the turns, a list of objects |
| `multi_turns[].input` | the question |
| `multi_turns[].answer` | the right answer: text, a number, or several texts |
| `multi_turns[].options` | what it is to be chosen from (`scbench_choice_eng` alone) |
| `multi_turns[].task` | the kind of the turn where kinds are mixed |

Scores are those of `evaluate sessions`, not the paper's: wrong answers are the other options, else answers of other
turns of the same context, and answers are cut to LONGEST tokens. Turns for which there is no wrong answer are left out.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from freqkv_cli.errors import InputError, UsageError
from freqkv_cli.evaluation.needle_items import OTHERS
from freqkv_cli.evaluation.session_items import SessionTurn
from freqkv_cli.evaluation.session_text import END, SharedSession, asking, middle_cut
from freqkv_cli.models.store import sha256
from freqkv_cli.reading.prompt import encode_text

REPOSITORY = "microsoft/SCBench"
TASKS = tuple(
    f"scbench_{task}"
    for task in (
        *("kv", "prefix_suffix", "vt", "repoqa", "qa_eng", "qa_chn", "choice_eng", "many_shot", "mf", "summary"),
        *("summary_with_needles", "repoqa_and_kv"),
    )
)
WITH_QUESTION = ("scbench_qa_eng", "scbench_qa_chn", "scbench_choice_eng")  # their turns are bare questions
LONGEST = 32  # tokens of an answer, so that eight of them fit in a small cache


@dataclass(frozen=True, slots=True)
class SharedContexts:
    """A file of shared contexts; `name` is the task."""

    name: str
    path: Path

    def as_json(self) -> dict[str, Any]:
        """Return it for a report."""
        return {"name": self.name, "sha256": sha256(self.path)}

    def sessions(self, tokenizer: Any, tokens: int | None, turns: int, count: int) -> list[SharedSession]:
        """Return the first `count` contexts with their first `turns` turns; of a context longer than `tokens`, its two
        ends, as SCBench does.

        Raises InputError for what is not in the format above, or has no turn with a wrong answer.
        """
        found: list[SharedSession] = []
        for number, record in self._records():
            if len(found) == count:
                break
            try:
                session = _session(self.name, record, tokenizer, turns)
            except (KeyError, TypeError, ValueError, AttributeError):
                raise InputError(f"{self.path.name}, line {number}, is no context of SCBench") from None
            if session.turns:
                ids = session.context if tokens is None else middle_cut(session.context, tokens)
                found.append(SharedSession(session.kind, ids, session.turns, session.end))
        if not found:
            raise InputError(f"{self.path.name} has no context with turns to choose an answer for")
        return found

    def _records(self) -> Iterator[tuple[int, Any]]:
        """The lines of the file that are not empty, read one at a time: some files have hundreds of megabytes."""
        try:
            with self.path.open(encoding="utf-8") as file:
                for number, line in enumerate(file, 1):
                    if line.strip():
                        yield number, json.loads(line)
        except (OSError, ValueError) as error:
            raise InputError(f"{self.path.name} cannot be read as JSON, one object a line: {error}") from None


def open_shared(name: str, *, offline: bool) -> SharedContexts:
    """Return a JSONL file at this path, or the task of this name, fetched from the hub unless it is there already.

    Raises UsageError for what is neither, InputError when the hub cannot be reached.
    """
    path = Path(name)
    if path.is_file():
        return SharedContexts(path.stem, path)
    if name not in TASKS:
        raise UsageError(f"--data: {name} is neither a file nor a task of {REPOSITORY}: {', '.join(TASKS)}")
    return SharedContexts(name, _fetch(f"data/{name}.jsonl", offline))


def _fetch(file: str, offline: bool) -> Path:
    """The file in the hub's own cache, downloaded first if it is not there."""
    import huggingface_hub

    download = partial(huggingface_hub.hf_hub_download, REPOSITORY, file, repo_type="dataset")
    try:
        return Path(download(local_files_only=True))
    except huggingface_hub.errors.LocalEntryNotFoundError:
        why = "it is not on this machine, and --offline is set"
    if not offline:
        try:
            huggingface_hub.HfApi().dataset_info(REPOSITORY)  # a download would try again and again without a network
            return Path(download())
        except Exception as error:  # huggingface_hub's HTTP library has its own errors, and which it is changes
            status = getattr(getattr(error, "response", None), "status_code", None)
            why = f"the hub answered {status}" if status else "no connection to the hub"
    raise InputError(f"cannot fetch {file} of {REPOSITORY}: {why}; give a copy of that file as --data FILE")


def _session(name: str, record: dict[str, Any], tokenizer: Any, turns: int) -> SharedSession:
    context = record["context"] if "context" in record else record["input"]
    told = record["multi_turns"][:turns]
    answers = [_text(one["answer"]) for one in told]
    found = []
    for one, answer in zip(told, answers, strict=True):
        pool = dict.fromkeys(map(_text, one.get("options") or answers))
        others = [other for other in pool if other != answer][:OTHERS]
        turn = SessionTurn(
            one.get("task") or name, _question(name, one["input"]), f" {answer}", tuple(f" {other}" for other in others)
        )
        asked = asking(turn, tokenizer, LONGEST)
        if len(asked.answers) > 1:
            found.append(asked)
    return SharedSession(name, encode_text(tokenizer, _text(context)), found, encode_text(tokenizer, END))


def _question(name: str, text: str) -> str:
    return f"\n\nQuestion: {text.strip()}\nAnswer:" if name in WITH_QUESTION else f"\n\n{text.rstrip()}"


def _text(value: Any) -> str:
    """A text as it is, a number as text, a list with commas."""
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, (int, float)):
        return str(value)
    raise TypeError("neither text nor number")
