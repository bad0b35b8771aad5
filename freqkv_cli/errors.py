"""The errors a user can meet, each with its exit code. Everything here is shown as one line on stderr."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What the shell sees when freqkv ends."""

    OK = 0  # everything was read
    UNEXPECTED = 1  # a bug of ours
    USAGE = 2  # a flag, a page range or a setting that cannot be
    INPUT = 3  # an input that cannot be read
    NO_TEXT = 4  # an input without usable text
    MODEL = 5  # a model that is not available or not supported
    MEMORY = 6  # not enough memory
    STATE = 8  # a state file that is damaged, or was made with another model or other settings
    INTERRUPTED = 130  # Ctrl-C
    CLOSED_PIPE = 141  # the reader of stdout went away
    TERMINATED = 143  # SIGTERM


class FreqkvError(Exception):
    """An expected failure: `message` is one line that says what is wrong and what to do about it."""

    exit_code: ExitCode = ExitCode.UNEXPECTED

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class UsageError(FreqkvError):
    """The request cannot be carried out as it was put."""

    exit_code = ExitCode.USAGE


class InputError(FreqkvError):
    """An input is missing, unreadable, broken, locked or of an unknown kind."""

    exit_code = ExitCode.INPUT


class NoTextError(FreqkvError):
    """An input was opened but holds no text that could be read."""

    exit_code = ExitCode.NO_TEXT


class ModelError(FreqkvError):
    """A model is not available, is damaged, or is of an architecture that is not supported."""

    exit_code = ExitCode.MODEL


class MemoryLimitError(FreqkvError):
    """The work does not fit into the memory there is."""

    exit_code = ExitCode.MEMORY


class StateError(FreqkvError):
    """A state file is damaged, not a state at all, or does not go with the model or the settings."""

    exit_code = ExitCode.STATE
