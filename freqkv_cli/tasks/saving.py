"""Keeps what a session has read under a name that the user chose."""

from pathlib import Path

from freqkv_cli.errors import InputError, StateError, UsageError
from freqkv_cli.tasks.manifest import read_manifest
from freqkv_cli.tasks.session import Session
from freqkv_cli.tasks.states import save_state


def save_reading(session: Session, path: Path) -> int:
    """Write what `session` has read to a state file and return its bytes; an older state there is replaced.

    Raises UsageError when `path` is a file of another kind, InputError when it cannot be written.
    """
    if path.exists():
        try:
            read_manifest(path)
        except StateError:
            raise UsageError(f"{path} exists and is no state of freqkv: choose another name") from None
        except OSError as error:
            raise InputError(f"{path} cannot be replaced: {error.strerror}") from None
    try:
        return save_state(session, path, dtype=session.settings.state_dtype)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from None
