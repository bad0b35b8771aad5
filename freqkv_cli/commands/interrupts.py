"""Ctrl-C and SIGTERM: how one run of freqkv is told to end, between main and the command it runs."""

import os
import signal
import sys
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import typer

SHOW_CURSOR = b"\x1b[?25h"


@dataclass
class Invocation:
    """`debug` shows tracebacks; `signum` is the signal that asked for the end, if one has."""

    debug: bool = False
    signum: int | None = None

    def listen(self) -> None:
        """Turns SIGINT and SIGTERM into KeyboardInterrupt, but where the caller ignores them (background jobs)."""
        for signum in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(signum) is not signal.SIG_IGN:
                signal.signal(signum, self._stop)
        sys.unraisablehook = self._ignored

    def check(self) -> None:
        """Raises KeyboardInterrupt when a signal came and a library (torch, while it is imported) swallowed it."""
        if self.signum is not None:
            raise KeyboardInterrupt

    def go_on(self) -> bool:
        """Forgets an interrupt that only stopped an answer; False when freqkv itself was told to end (SIGTERM)."""
        if self.signum not in (None, signal.SIGINT):
            return False
        self.signum = None
        return True

    def _ignored(self, lost: "sys.UnraisableHookArgs") -> None:
        """Says nothing of an interrupt where Python cannot raise it, as in a destructor: `check` acts on it."""
        if self.signum is None or not isinstance(lost.exc_value, KeyboardInterrupt):
            sys.__unraisablehook__(lost)

    def _stop(self, signum: int, frame: FrameType | None) -> None:
        if self.signum is not None:  # asked twice: no more clean-up, but for the cursor that progress has hidden
            if sys.stderr.isatty():
                os.write(sys.stderr.fileno(), SHOW_CURSOR)
            os._exit(128 + signum)
        self.signum = signum
        raise KeyboardInterrupt


def invocation(ctx: "typer.Context") -> Invocation:
    """The run that the command belongs to; a fresh one when main did not start it."""
    root = ctx.find_root()
    if not isinstance(root.obj, Invocation):
        root.obj = Invocation()
    return root.obj
