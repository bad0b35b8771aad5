"""Keeps what a session has read under a name that the user chose."""

from pathlib import Path

from freqkv_cli.errors import StateError, UsageError
from freqkv_cli.reading.session import Session
from freqkv_cli.states.read import check_target
from freqkv_cli.states.state_file import save_state


def save_reading(session: Session, path: Path) -> int:
    """Write what `session` has read to a state file and return its bytes; an older state there is replaced.

    Raises UsageError when `path` is something else or nothing was read (--quick), StateError when it cannot be written.
    """
    if session.so_far.skimmed:
        raise UsageError("with --quick nothing was read that could be kept: leave it out")
    check_target(path, force=False)
    try:
        return save_state(session, path, dtype=session.settings.state_dtype)
    except OSError as error:
        raise StateError(f"{path} cannot be written ({error.strerror}): name another file") from None
