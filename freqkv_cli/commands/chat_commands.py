"""What can be typed in a chat beside questions: /help, /stats, /passages, /save, /reset, /exit. All of it on stderr."""

import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from freqkv_cli.errors import FreqkvError, UsageError
from freqkv_cli.terminal.number_format import memory, plural, seconds, whole
from freqkv_cli.terminal.printable import one_line, printable

if TYPE_CHECKING:
    from freqkv_cli.answering.conversation import Conversation

HELP = """\
A line is a question about what was read. Earlier questions are remembered.
  /stats        what was read, memory, turns, time of the last answer
  /passages     where the last answer was looked up
  /save FILE    keep what was read, to ask again later without reading
  /reset        forget the earlier questions and answers
  /exit         leave; Ctrl-D does too
Enter sends; Esc Enter, or a backslash before Enter, begins a new line.
Up and Down go through what was typed before.
Ctrl-C stops an answer, and clears a line that is typed.
A question that begins with / needs a space before it."""
WIDTH = 78


class ChatCommands:
    """Runs them on one conversation."""

    def __init__(self, conversation: "Conversation") -> None:
        self._conversation = conversation

    def run(self, typed: str) -> bool:
        """Do what was typed, or say why not; return whether it was to leave."""
        name, _, rest = typed.strip().partition(" ")
        commands = {
            "/help": lambda: tell(HELP),
            "/stats": lambda: tell(self._stats()),
            "/passages": lambda: tell(self._passages()),
            "/save": lambda: self._save(rest.strip()),
            "/reset": self._reset,
            "/exit": lambda: None,
        }
        try:
            if name not in commands:
                raise UsageError(f"there is no {name}: /help lists the commands")
            if rest.strip() and name != "/save":
                raise UsageError(f"{name} takes nothing behind it")
            commands[name]()
        except FreqkvError as error:
            tell(f"freqkv: {one_line(error.message)}")
            return False
        return name == "/exit"

    def _stats(self) -> str:
        conversation, session = self._conversation, self._conversation.session
        cache = session.cache
        names = [document.name for document in session.so_far.stream.documents] if session.so_far.stream else []
        turns = (
            f"{plural(len(conversation.turns), 'turn')} remembered, the last ones told again in "
            f"{plural(conversation.tokens, 'token')}"
        )
        if conversation.forgotten:
            turns += f", {plural(conversation.forgotten, 'older one')} forgotten to make room"
        read = f"read {plural(session.tokens_read, 'token')} of {one_line(', '.join(names))}"
        if session.so_far.skimmed:
            read = f"searched {one_line(', '.join(names))}, not read through (--quick)"
        lines = [
            read,
            f"cache {memory(cache.nbytes)}: {whole(cache.length)} of {whole(cache.geometry.cache_size)} slots used, "
            f"{plural(cache.compressions, 'compression')}, unchanged by the chat",
            turns,
        ]
        if reply := conversation.reply:
            answer = reply.answer
            first = f", the first after {seconds(answer.first_token_seconds)}" if answer.first_token_seconds else ""
            lines.append(f"last answer {seconds(answer.seconds)}: {plural(answer.tokens, 'token')}{first}")
        return "\n".join(lines)

    def _passages(self) -> str:
        reply = self._conversation.reply
        if reply is None:
            return "nothing was asked yet"
        blocks = [f"read again: {printable(' '.join(passage.text.split()))}" for passage in reply.passages]
        blocks += [
            f'[{one_line(citation.passage.place)}] "{printable(citation.quote)}" ({citation.verdict})'
            for citation in reply.citations
        ]
        if not blocks:
            return "the last answer was given from memory alone"
        return "\n".join(textwrap.fill(block, WIDTH, subsequent_indent="  ") for block in blocks)

    def _save(self, path: str) -> None:
        if not path:
            raise UsageError("/save needs a file name: /save book.freqkv")
        from freqkv_cli.states.saving import save_reading

        size = save_reading(self._conversation.session, Path(path).expanduser())
        tell(f"{one_line(path)} written, {memory(size)}: freqkv chat {one_line(path)} goes on from it")

    def _reset(self) -> None:
        self._conversation.reset()
        tell("the earlier questions and answers are forgotten; what was read is not")


def is_command(typed: str) -> bool:
    """Whether a line is meant for the chat itself; with a space before the slash it is a question."""
    return typed.startswith("/")


def tell(text: str) -> None:
    """Write a line, or several, to stderr."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
