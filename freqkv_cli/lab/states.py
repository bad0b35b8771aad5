"""Measures states on this machine: what storing them smaller loses, and how long it takes to open them.

    python -m freqkv_cli.lab.states STATE [QUESTIONS] [--dtype bfloat16 --dtype float16] [--limit N] [--json]

The state is opened, copied in each number format, and each copy is opened again. Keys and values are compared with
those of STATE, and so are the answers to the questions of a question file (see lab/question_file.py).
"""

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from freqkv_cli.answering.ask import answer_question
from freqkv_cli.config import Settings
from freqkv_cli.kvcache.cache import FreqkvCache
from freqkv_cli.lab.environment import environment
from freqkv_cli.lab.outcome import last_value
from freqkv_cli.lab.question_file import Question, read_question_file
from freqkv_cli.lab.table import table
from freqkv_cli.reading.session import Session
from freqkv_cli.states.manifest import read_manifest
from freqkv_cli.states.opening import open_state
from freqkv_cli.states.state_file import restore, save_state

DTYPES = ("bfloat16", "float16")


@dataclass(frozen=True, slots=True)
class Stored:
    """A copy of a state: its bytes, seconds to open it, relative errors of keys and values, and equal answers."""

    dtype: str
    bytes: int
    seconds: float
    key_error: float
    value_error: float
    equal_answers: int
    changed: list[str]


def main(arguments: list[str] | None = None) -> None:
    """Run the measurement that the command line asks for and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("state", type=Path)
    parser.add_argument("questions", nargs="?")
    parser.add_argument("--dtype", action="append", choices=("float32", *DTYPES))
    parser.add_argument("--limit", type=int, help="only the first questions")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    questions = read_question_file(options.questions).questions[: options.limit] if options.questions else ()
    rows = measure(options.state, questions, options.dtype or DTYPES)
    if options.json:
        print(
            json.dumps(
                {"environment": environment("cpu"), "questions": len(questions), "states": list(map(asdict, rows))}
            )
        )
        return
    head = ("stored as", "bytes", "opened s", "error of keys", "error of values", f"equal of {len(questions)}")
    cells = [
        (
            row.dtype,
            f"{row.bytes:,}",
            f"{row.seconds:.2f}",
            f"{row.key_error:.1e}",
            f"{row.value_error:.1e}",
            str(row.equal_answers),
        )
        for row in rows
    ]
    print(table(head, cells))


def measure(state: Path, questions: Sequence[Question], dtypes: Sequence[str]) -> list[Stored]:
    """Return a row for the state itself, and one for its copy in each of `dtypes`."""
    session = last_value(open_state(state, Settings(), time.perf_counter()))
    exact = [(layer.keys.clone(), layer.values.clone()) for layer in session.cache.layers]
    expected = answers(session, questions)
    told = read_manifest(state)
    rows = [
        Stored(told.stored_dtype, state.stat().st_size, reopened(session, state), 0.0, 0.0, len(questions), []),
    ]
    with tempfile.TemporaryDirectory() as folder:
        for dtype in dtypes:
            copy = Path(folder) / f"{dtype}.freqkv"
            restore(session, state, told)
            size = save_state(session, copy, dtype=dtype)
            seconds = reopened(session, copy)
            keys, values = error(session.cache, exact, 0), error(session.cache, exact, 1)
            found = zip(questions, expected, answers(session, questions), strict=True)
            changed = [question.id for question, one, other in found if one != other]
            rows.append(Stored(dtype, size, seconds, keys, values, len(questions) - len(changed), changed))
    return rows


def reopened(session: Session, path: Path) -> float:
    """Restore `session` from a state and return the seconds that this took."""
    began = time.perf_counter()
    restore(session, path, read_manifest(path))
    return time.perf_counter() - began


def answers(session: Session, questions: Sequence[Question]) -> list[str]:
    """Return the answers as `freqkv ask` writes them."""
    return [last_value(answer_question(session, question.text)).answer.text for question in questions]


def error(cache: FreqkvCache, exact: Sequence[tuple[Tensor, Tensor]], part: int) -> float:
    """Return the relative error of all keys (part 0) or values (part 1) of a cache."""
    held = [(layer.keys, layer.values)[part].float() for layer in cache.layers]
    wanted = [pair[part].float() for pair in exact]
    off = torch.stack([(one - other).norm() for one, other in zip(held, wanted, strict=True)]).norm()
    return float(off / torch.stack([one.norm() for one in wanted]).norm())


if __name__ == "__main__":
    main()
