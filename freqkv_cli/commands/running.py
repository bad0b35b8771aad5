"""Runs a task: opens the documents, follows its events, shows them."""

import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, ExitStack, suppress
from typing import TYPE_CHECKING, cast

import typer

from freqkv_cli.commands.interrupts import Invocation, invocation
from freqkv_cli.commands.password import password_reader
from freqkv_cli.config import Output, Settings
from freqkv_cli.events import Event, Progress
from freqkv_cli.models.aliases import AUTO
from freqkv_cli.terminal.display import Display, open_display

if TYPE_CHECKING:
    from freqkv_cli.documents.document import Document

Task = Callable[["list[Document]"], Iterator[Event]]


def run(
    ctx: typer.Context,
    step: str,
    sources: list[str],
    settings: Settings,
    output: Output,
    load: Callable[[], Task],
    *,
    lines: bool = False,
) -> None:
    """Shows one task from start to end; `load` imports it, which takes seconds, while `step` is on the screen.

    `lines` writes several answers as JSON, one a line.
    """
    command = str(ctx.info_name)
    with ExitStack() as stack:
        display = stack.enter_context(open_display(command, output, stream=settings.stream, lines=lines))
        display.say(step)
        documents = open_sources(sources, settings, display, stack)
        task = load()
        follow(task(documents), display, invocation(ctx))


def loading(settings: Settings) -> str:
    """The step that most tasks begin with, in words."""
    return f"loading {'the model' if settings.model == AUTO else settings.model}"


def open_sources(sources: list[str], settings: Settings, display: Display, stack: ExitStack) -> "list[Document]":
    """The documents, open until `stack` is closed."""
    from freqkv_cli.documents.document import open_documents

    documents = open_documents(
        sources,
        pages=settings.pages,
        encoding=settings.encoding,
        kind=settings.kind,
        ocr=settings.ocr,
        recursive=settings.recursive,
        net=net_asker(settings.allow_net, display.paused),
        password=password_reader(settings.password_file, display.paused),
    )
    for document in documents:
        stack.enter_context(document)
    return documents


def net_asker(allowed: bool, paused: Callable[[], AbstractContextManager[None]]) -> Callable[[str], bool]:
    """A function from a web address to whether it may be fetched; `paused` keeps the terminal free for a question."""

    def ask(address: str) -> bool:
        if allowed or not (sys.stdin.isatty() and sys.stderr.isatty()):
            return allowed
        with paused():
            return typer.confirm(f"Fetch {address} from the web?", err=True)

    return ask


def counting(settings: Settings) -> Task:
    """The task of `freqkv count`, which is also what --dry-run does."""
    from freqkv_cli.states import count

    return lambda documents: count.count(documents, settings)


def follow(events: Iterator[Event], display: Display, run: Invocation) -> None:
    """Shows the events. Raises KeyboardInterrupt when the user stopped them; what was answered so far is kept."""
    try:
        for event in events:
            if not _is_of_the_answer(event):
                run.check()
            display.show(event)
    except KeyboardInterrupt:
        with suppress(KeyboardInterrupt, StopIteration):  # a task that can end its answer gets to say so
            display.show(cast("Generator[Event]", events).throw(KeyboardInterrupt()))
            for event in events:
                display.show(event)
        display.interrupted()
        raise
    if display.report is not None and display.report.get("finish_reason") == "interrupted":
        raise KeyboardInterrupt


def _is_of_the_answer(event: Event) -> bool:
    """Whether the task is past the point where an interrupt can have been lost: it ends an answer by itself."""
    return not isinstance(event, Progress) or event.phase == "answering"
