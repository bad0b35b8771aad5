"""freqkv chat"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import platformdirs
import typer

from freqkv_cli.commands.chat_commands import ChatCommands, is_command, tell
from freqkv_cli.commands.interrupts import Invocation, invocation
from freqkv_cli.commands.options import SUMMARY_ONLY, takes_settings
from freqkv_cli.commands.running import follow, loading, open_sources
from freqkv_cli.commands.sources import STDIN, sources_meant
from freqkv_cli.config import Output, Settings
from freqkv_cli.errors import UsageError
from freqkv_cli.events import Event
from freqkv_cli.terminal.display import open_display
from freqkv_cli.terminal.number_format import plural
from freqkv_cli.terminal.prompt import QuestionPrompt, open_prompt, private_history

if TYPE_CHECKING:
    from freqkv_cli.answering.conversation import Conversation
    from freqkv_cli.answering.question_list import Question

USAGE = "freqkv chat FILE..., freqkv chat --help"
WELCOME = "ask away; /help lists what else can be typed, Ctrl-D leaves"
ONCE_MORE = "Ctrl-C again leaves; so do Ctrl-D and /exit"


@takes_settings(*SUMMARY_ONLY, "pin_question")
def chat(
    ctx: typer.Context,
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SOURCE]...", help="Documents, or a state; - is stdin.", show_default=False),
    ] = None,
    *,
    settings: Settings,
    output: Output,
) -> None:
    """Read documents of any length once, then answer questions about them, one after another.

    freqkv chat book.pdf

    freqkv chat book.pdf < questions.txt

    Questions are typed at a prompt, or piped in, one a line. Ctrl-C stops an
    answer, Ctrl-D leaves; /help lists the commands. What is typed is kept for
    the arrow keys in the user's state folder, but with --no-cache. With --json
    every answer is one JSON object on a line of its own.
    """
    paths = sources_meant(sources, USAGE)
    history = private_history(Path(platformdirs.user_state_dir("freqkv"))) if settings.cache else None
    with ExitStack() as stack:
        try:
            prompt = stack.enter_context(open_prompt(STDIN in paths, history))
        except OSError:
            raise UsageError(
                "stdin holds the document, and there is no terminal to ask from: name the document as a file and pipe "
                "the questions in, or use freqkv ask --questions FILE"
            ) from None
        conversation = _read(ctx, paths, settings, output, stack)
        _converse(ctx, prompt, conversation, settings, output)


def _read(ctx: typer.Context, paths: list[str], settings: Settings, output: Output, stack: ExitStack) -> "Conversation":
    """Read the documents, which stay open, with progress."""
    read: list[Conversation] = []

    def reading() -> Iterator[Event]:
        from freqkv_cli.answering.chat import open_chat

        read.append((yield from open_chat(documents, settings)))

    with open_display("chat", output, lines=True) as display:
        display.say(loading(settings))
        documents = open_sources(paths, settings, display, stack)
        follow(reading(), display, invocation(ctx))
    return read[0]


def _converse(
    ctx: typer.Context, prompt: QuestionPrompt, conversation: "Conversation", settings: Settings, output: Output
) -> None:
    """Put what is typed or piped in to the conversation, until there is no more of it.

    Raises UsageError when questions were piped in and none could be answered.
    """
    from freqkv_cli.answering.question_list import Question

    commands = ChatCommands(conversation)
    asked = answered = 0
    if prompt.interactive and not output.quiet:
        tell(WELCOME)
    while (typed := _next(prompt, invocation(ctx))) is not None:
        if is_command(typed):
            if commands.run(typed):
                break
        elif typed.strip():
            asked += 1
            answered += _answer(ctx, prompt, Question(asked, typed.strip()), conversation, settings, output)
    if asked and not answered and not prompt.interactive:
        raise UsageError(f"none of {plural(asked, 'question')} could be answered")


def _next(prompt: QuestionPrompt, run: Invocation) -> str | None:
    """What is typed next, None at the end, which a second Ctrl-C in a row is too."""
    hinted = False
    while True:
        try:
            return prompt.next()
        except KeyboardInterrupt:
            if not (prompt.interactive and run.go_on()):
                raise
            if hinted:
                return None
            hinted = True
            tell(ONCE_MORE)


def _answer(
    ctx: typer.Context,
    prompt: QuestionPrompt,
    question: "Question",
    conversation: "Conversation",
    settings: Settings,
    output: Output,
) -> bool:
    """Show the answer to one question, as far as it comes; return whether there is one."""
    from freqkv_cli.answering.chat import take_turn

    run = invocation(ctx)
    with open_display("chat", output, stream=settings.stream, lines=output.json) as display:
        try:
            follow(take_turn(conversation, question), display, run)
        except KeyboardInterrupt:
            if not (prompt.interactive and run.go_on()):
                raise
    if display.report is None:
        tell("freqkv: interrupted before the answer began")
    return display.report is not None and "error" not in display.report
