"""freqkv with played tasks and documents: `python -m tests.commands.fakes SCENE ARGUMENTS...` needs no model."""

import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import nullcontext
from types import ModuleType
from typing import Any

from freqkv_cli.answering.question_list import Question
from freqkv_cli.config import Settings
from freqkv_cli.events import Answered, Asked, Done, Event, Note, Progress, Text

MIB = 1024 * 1024
TOTAL = 165_213
ANSWER = ["It is ", "about ", "a [red]sister[/red]\x1b[2J ", "and Mr Darcy."]
SHOWN = "It is about a [red]sister[/red][2J and Mr Darcy.\n"


def reading(share: float, phase: Any = "reading") -> Progress:
    """A snapshot of a book that is read to `share`."""
    return Progress(
        phase=phase,
        source="pride_and_prejudice.pdf",
        page=round(share * 400),
        pages=400,
        tokens_done=round(share * TOTAL),
        tokens_total=TOTAL,
        total_is_exact=share > 0.9,
        seconds=share * 214,
        tokens_per_second=771.4,
        eta_seconds=(1 - share) * 214,
        slots_used=1807,
        cache_size=2048,
        cache_bytes=45 * MIB,
        compressions=round(share * 160),
        process_bytes=1044 * MIB,
    )


def report(command: str, text: str = "") -> dict[str, Any]:
    """What Done holds, in part."""
    return {
        "schema_version": 1,
        "command": command,
        "text": text,
        "finish_reason": "stop",
        "input": [{"path": "pride_and_prejudice.pdf", "type": "pdf", "pages": 400, "tokens": TOTAL}],
        "tokens_read": TOTAL,
        "tokens_dropped": 0,
        "model": {"id": "smollm2", "quantization": "none", "dtype": "bfloat16", "device": "cpu"},
        "cache": {"policy": "freqkv", "cache_size": 2048, "bytes": 45 * MIB, "compressions": 160},
        "timing": {"load_s": 2.5, "read_s": 205.0, "total_s": 214.2, "read_tokens_per_second": 771.4},
        "memory": {"peak_rss_bytes": 1044 * MIB},
        "warnings": ["page 7 has no text"],
    }


def counted() -> dict[str, Any]:
    """What Done holds at the end of a count."""
    return {
        "schema_version": 1,
        "command": "count",
        "input": [
            {"path": "book.pdf", "type": "pdf", "pages": 98, "tokens": TOTAL},
            {"path": "notes.txt", "type": "text", "pages": None, "tokens": 1},
        ],
        "tokens": TOTAL + 1,
        "estimated": {
            "read_s": 214.0,
            "memory_bytes": 1024 * MIB,
            "weights_bytes": 256 * MIB,
            "cache_bytes": 45 * MIB,
        },
        "fits": True,
    }


def play(scene: str, command: str, settings: Settings) -> Iterator[Event]:
    """The events of a task; a scene says what happens on the way."""
    if scene == "deaf":
        _be_deaf()
    yield Progress(phase="loading", source=settings.model)
    yield Note("page 7 has no text", warning=True)
    yield Note("read as utf-8")
    for step in range(11):
        if scene == "read" and step == 5:
            time.sleep(30)
        if scene == "slow":
            time.sleep(0.1)
        yield reading(step / 10)
    yield Note("page 7 has no text", warning=True)
    if scene == "fault":
        raise KeyError("a bug")
    if scene == "memory":
        raise MemoryError
    if scene == "cuda":
        raise type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory")
    if command == "count":
        yield Done(counted())
        return
    for number, piece in enumerate(ANSWER, 1):
        yield Text(piece)
        yield Progress(
            phase="answering", tokens_done=number, tokens_per_second=25.0, cache_size=2048, cache_bytes=45 * MIB
        )
        if scene == "answer" and number == 2:
            time.sleep(30)
        if scene == "last word" and number == 2:
            try:
                time.sleep(30)
            except KeyboardInterrupt:
                yield Done({**report(command, "It is about "), "finish_reason": "interrupted"})
                return
        if scene == "slow":
            time.sleep(0.1)
    while scene == "endless":
        yield Text("more and more\n")
    yield Done(report(command, "".join(ANSWER)))


def turn(scene: str, question: Question) -> Iterator[Event]:
    """One of several answers: the question in capitals. It takes its time for "long", never comes for "never"."""
    known = {"number": question.number, "question": question.text}
    if question.problem or scene == "no answers":
        yield Answered({**known, "error": question.problem or "no room"})
        return
    yield Progress(phase="answering")
    if question.text.startswith("never"):
        time.sleep(30)
    yield Text(question.text.upper())
    finish_reason = "stop"
    if question.text.startswith("long"):
        try:
            time.sleep(30)
        except KeyboardInterrupt:
            finish_reason = "interrupted"
    yield Answered({**known, "text": question.text.upper(), "finish_reason": finish_reason})


def _be_deaf() -> None:
    try:
        print("started", flush=True)
        time.sleep(30)
    except KeyboardInterrupt:
        print("still busy", flush=True)
    time.sleep(30)


def install(scene: str, put: Callable[[str, ModuleType], object] = sys.modules.__setitem__) -> dict[str, Any]:
    """Puts played tasks and documents in the place of the real ones; returns what they are called with."""
    called: dict[str, Any] = {}

    def open_documents(sources: Sequence[str], **options: Any) -> list[nullcontext[str]]:
        called["sources"], called["options"] = list(sources), options
        if scene == "locked":
            called["password"] = options["password"]("secret.pdf")
            sys.stderr.write(f"password is {called['password']}\n")
        return [nullcontext(source) for source in sources]

    def summarize(documents: Any, settings: Settings) -> Iterator[Event]:
        called.update(task="summarize", settings=settings)
        return play(scene, "summarize", settings)

    def ask(documents: Any, question: str, settings: Settings) -> Iterator[Event]:
        called.update(task="ask", question=question, settings=settings)
        return play(scene, "ask", settings)

    def count(documents: Any, settings: Settings) -> Iterator[Event]:
        called.update(task="count", settings=settings)
        return play(scene, "count", settings)

    def ask_many(documents: Any, questions: Iterable[Question], settings: Settings) -> Iterator[Event]:
        called.update(task="ask_many", questions=list(questions), settings=settings)
        for question in called["questions"]:
            yield Asked(question.text, question.number)
            yield from turn(scene, question)
        yield Done({**report("ask"), "answers": [question.number for question in called["questions"]]})

    def open_chat(documents: Any, settings: Settings) -> Generator[Event, None, object]:
        called.update(task="chat", settings=settings)
        yield reading(1.0)
        yield Done(report("chat"))
        return object()

    def take_turn(conversation: object, question: Question) -> Iterator[Event]:
        called.setdefault("turns", []).append(question.text)
        return turn(scene, question)

    rooms: dict[str, list[Callable[..., Any]]] = {
        "summarizing": [summarize],
        "answering": [ask, ask_many],
        "states": [count],
    }
    for room, function in ((room, function) for room, functions in rooms.items() for function in functions):
        module = ModuleType(f"freqkv_cli.{room}.{function.__name__}")
        setattr(module, function.__name__, function)
        put(module.__name__, module)
    chat = ModuleType("freqkv_cli.answering.chat")
    chat.open_chat, chat.take_turn = open_chat, take_turn  # type: ignore[attr-defined]
    put(chat.__name__, chat)
    documents = ModuleType("freqkv_cli.documents.document")
    documents.open_documents = open_documents  # type: ignore[attr-defined]
    put(documents.__name__, documents)
    if scene == "import":  # torch takes seconds to import, and a library in it swallows Ctrl-C
        summarize_module = sys.modules.pop("freqkv_cli.summarizing.summarize")
        sys.meta_path.insert(0, SlowImport(summarize_module))
    return called


class SlowImport:
    """Finds the module after a while in which an interrupt is caught and forgotten."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module

    def find_spec(self, name: str, path: object, target: object = None) -> None:
        """Wait, then put the module in place; the import system finds it in the package."""
        if name == self._module.__name__:
            sys.stderr.write("importing\n")
            sys.stderr.flush()
            try:
                time.sleep(30)
            except KeyboardInterrupt:
                pass


if __name__ == "__main__":
    from freqkv_cli.__main__ import main

    install(sys.argv.pop(1))
    main()
