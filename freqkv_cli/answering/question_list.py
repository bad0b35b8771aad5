"""Many questions, one a line: plain text, or JSON objects with `q` or `question` and, if wanted, an `id`."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

LONGEST = 100_000  # characters of a line; more would never fit a cache, and is not worth being tokenised


@dataclass(frozen=True, slots=True)
class Question:
    """A question as it was put, with its `number` from 1. `problem` says why it cannot be asked, empty if it can."""

    number: int
    text: str = ""
    id: str | int | float | None = None
    problem: str = ""


def parse_questions(lines: Iterable[bytes]) -> Iterator[Question]:
    """Yield a question for every line, as they come; a line that is none has a `problem`."""
    for number, line in enumerate(lines, 1):
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
        except UnicodeDecodeError:
            yield Question(number, problem="the question is not UTF-8 text")
            continue
        yield _parsed(number, text) if text.startswith("{") else _checked(Question(number, text))


def _parsed(number: int, line: str) -> Question:
    try:
        given = json.loads(line)
    except (ValueError, RecursionError) as error:
        return Question(number, problem=f"the line is not valid JSON ({error})")
    text = given.get("q", given.get("question"))
    id = given.get("id")
    if id is not None and not isinstance(id, str | int | float):
        return Question(number, problem="the id is neither text nor a number")
    if not isinstance(text, str):
        return Question(number, id=id, problem='the line has no text as "q" or "question"')
    return _checked(Question(number, text.strip(), id))


def _checked(question: Question) -> Question:
    problem = "the question is empty" if not question.text else ""
    if len(question.text) > LONGEST:
        problem = f"the question is longer than {LONGEST:,} characters"
    return Question(question.number, question.text[:LONGEST], question.id, problem)
