"""Where questions are typed: a line editor on a terminal, or lines that are piped in. Nothing of it is on stdout."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.history import FileHistory
    from prompt_toolkit.key_binding import KeyBindings
    from prompt_toolkit.key_binding.key_processor import KeyPressEvent

PROMPT = "> "
CONTINUED = "  "


class QuestionPrompt(Protocol):
    """Something that questions come from."""

    @property
    def interactive(self) -> bool:
        """Whether a person types."""

    def next(self) -> str | None:
        """The next question, None when there are no more. Raises KeyboardInterrupt for Ctrl-C on an empty line."""


class PipedPrompt:
    """One question a line; what is empty is left out."""

    interactive = False

    def __init__(self, lines: TextIO) -> None:
        self._lines = lines

    def next(self) -> str | None:
        """The next line that is not empty."""
        return next((line.strip() for line in self._lines if line.strip()), None)


class PlainPrompt:
    """Lines typed on a terminal that can do no more than show them; Enter behind a backslash begins a new line."""

    interactive = True

    def __init__(self, keyboard: TextIO, screen: TextIO) -> None:
        self._keyboard = keyboard
        self._screen = screen

    def next(self) -> str | None:
        """What was typed; None at Ctrl-D."""
        lines = [self._line(PROMPT)]
        while lines[-1].endswith("\\\n"):
            lines[-1] = lines[-1].removesuffix("\\\n") + "\n"
            lines.append(self._line(CONTINUED))
        return "".join(lines).removesuffix("\n") if lines[0] else None

    def _line(self, prompt: str) -> str:
        self._screen.write(prompt)
        self._screen.flush()
        return self._keyboard.readline()


class TypedPrompt:
    """A line editor with history: Enter sends; Esc Enter, or Enter behind a backslash, begins a new line.

    `history` is the file that remembers what was typed; None remembers it until the end.
    """

    interactive = True

    def __init__(self, keyboard: TextIO, screen: TextIO, history: Path | None) -> None:
        self._keyboard = keyboard
        self._screen = screen
        self._history = history

    @cached_property
    def _session(self) -> "PromptSession[str]":
        """The line editor, imported when the first question can be typed: it takes a quarter of a second."""
        os.environ.setdefault("PROMPT_TOOLKIT_NO_CPR", "1")  # else it complains on terminals that do not answer
        from prompt_toolkit import PromptSession
        from prompt_toolkit.history import InMemoryHistory
        from prompt_toolkit.input import create_input
        from prompt_toolkit.output import create_output

        return PromptSession(
            message=PROMPT,
            multiline=True,
            prompt_continuation=CONTINUED,
            history=_kept_in(self._history) if self._history else InMemoryHistory(),
            key_bindings=_keys(),
            enable_history_search=True,
            input=create_input(self._keyboard),
            output=create_output(self._screen),
        )

    def next(self) -> str | None:
        """What was typed; None at Ctrl-D."""
        try:
            return self._session.prompt()
        except EOFError:
            return None


@contextmanager
def open_prompt(stdin_is_taken: bool, history: Path | None) -> Iterator[QuestionPrompt]:
    """The prompt that suits stdin; the terminal itself where stdin holds a document.

    Raises OSError where that has no terminal.
    """
    if not stdin_is_taken and not sys.stdin.isatty():
        yield PipedPrompt(sys.stdin)
        return
    if sys.stdin.isatty() and sys.stderr.isatty():
        yield _on_terminal(sys.stdin, sys.stderr, history)
        return
    with open("/dev/tty") as keyboard, open("/dev/tty", "w") as screen:
        yield _on_terminal(keyboard, screen, history)


def _on_terminal(keyboard: TextIO, screen: TextIO, history: Path | None) -> QuestionPrompt:
    if os.environ.get("TERM", "") in ("", "dumb", "unknown"):
        return PlainPrompt(keyboard, screen)
    return TypedPrompt(keyboard, screen, history)


def private_history(folder: Path) -> Path | None:
    """The file in `folder` that keeps what is typed, readable by its owner only; None if it cannot be written."""
    path = folder / "chat_history"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
        path.chmod(0o600)
    except OSError:
        return None
    return path


def _kept_in(path: Path) -> "FileHistory":
    """The history in a file; on a full disk it goes on in memory."""
    from prompt_toolkit.history import FileHistory

    class KeptHistory(FileHistory):
        def store_string(self, string: str) -> None:
            with suppress(OSError):
                super().store_string(string)

    return KeptHistory(str(path))


def _keys() -> "KeyBindings":
    """What Enter, Esc Enter and Ctrl-C do."""
    from prompt_toolkit.key_binding import KeyBindings

    keys = KeyBindings()

    @keys.add("enter")
    def _send(event: "KeyPressEvent") -> None:
        buffer = event.current_buffer
        if buffer.document.char_before_cursor == "\\":
            buffer.delete_before_cursor()
            buffer.insert_text("\n")
        else:
            buffer.validate_and_handle()

    @keys.add("escape", "enter")
    def _new_line(event: "KeyPressEvent") -> None:
        event.current_buffer.insert_text("\n")

    @keys.add("c-c")
    def _clear(event: "KeyPressEvent") -> None:
        if event.current_buffer.text:
            event.current_buffer.reset()
        else:
            event.app.exit(exception=KeyboardInterrupt)

    return keys
