"""The password of an encrypted document: from a file, the environment or a prompt, never from a flag."""

import getpass
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from freqkv_cli.errors import InputError

PASSWORD_VARIABLE = "FREQKV_PDF_PASSWORD"


def password_reader(
    password_file: str | None, paused: Callable[[], AbstractContextManager[None]]
) -> Callable[[str], str | None]:
    """A function from a document's name to its password; None when there is nobody to ask.

    `paused` keeps the terminal free during a prompt. The function raises InputError when the file cannot be read.
    """

    def read(name: str) -> str | None:
        if password_file is not None:
            return _from_file(password_file)
        if password := os.environ.get(PASSWORD_VARIABLE):
            return password
        if not _has_terminal():
            return None
        with paused():
            return getpass.getpass(f"Password of {name}: ") or None

    return read


def _from_file(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise InputError(f"password file {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"password file {path} is not UTF-8 text") from None


def _has_terminal() -> bool:
    # Without /dev/tty getpass would read the password from stdin, which may be the document.
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
