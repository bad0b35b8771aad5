"""The entry: runs the command line. The one place where an exception becomes a line on stderr and an exit code."""

import errno
import gc
import logging
import os
import sys
import traceback
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from freqkv_cli.errors import ExitCode, FreqkvError
from freqkv_cli.native_defaults import set_native_defaults

if TYPE_CHECKING:
    from freqkv_cli.commands.interrupts import Invocation

QUIET_LIBRARIES = {
    "TRANSFORMERS_VERBOSITY": "error",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TQDM_DISABLE": "1",  # read when tqdm is imported, which transformers does early
    "TOKENIZERS_PARALLELISM": "false",
    "TORCH_CPP_LOG_LEVEL": "ERROR",
}
OUT_OF_MEMORY = "not enough memory: use a smaller --cache-size, --chunk or --model, or --quant 4bit"


def main() -> None:
    """Runs freqkv with the arguments of the process, and exits."""
    stdout_is_closed = sys.stdout is None
    _fill_closed_streams()
    if stdout_is_closed:
        sys.exit(ExitCode.CLOSED_PIPE)
    from freqkv_cli.commands.interrupts import Invocation

    invocation = Invocation(debug=_is_on("FREQKV_DEBUG"))
    invocation.listen()
    code: object
    try:
        _prepare(invocation.debug)
        from freqkv_cli.commands.app import app

        code = app(prog_name="freqkv", standalone_mode=False, obj=invocation)
        sys.stdout.flush()
    except BaseException as error:
        code = _end(error, invocation)
    if invocation.signum is not None:
        code = 128 + invocation.signum
    sys.exit(code if isinstance(code, int) else ExitCode.OK)


def _end(error: BaseException, invocation: "Invocation") -> int:
    """The exit code for what ended the run; says on stderr what there is to say."""
    if isinstance(error, SystemExit) and isinstance(error.__context__, OSError):
        error = error.__context__  # typer has turned a closed pipe into an exit
    _let_go(sys.stdout)
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else ExitCode.OK
    if isinstance(error, KeyboardInterrupt) or invocation.signum is not None:
        return ExitCode.INTERRUPTED
    if isinstance(error, BrokenPipeError):
        _let_go(sys.stderr)
        return ExitCode.CLOSED_PIPE
    message, code = _described(error)
    with suppress(OSError):
        if invocation.debug:
            traceback.print_exception(error)
        if message:
            sys.stderr.write(f"freqkv: error: {message}\n")
    _let_go(sys.stderr)
    return code


def _described(error: BaseException) -> tuple[str, int]:
    from freqkv_cli.commands.usage import usage_problem
    from freqkv_cli.terminal.printable import one_line

    if isinstance(error, FreqkvError):
        return one_line(error.message), error.exit_code
    if (problem := usage_problem(error)) is not None:
        return one_line(problem), ExitCode.USAGE
    if _is_out_of_memory(error):
        return OUT_OF_MEMORY, ExitCode.MEMORY
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"no space left on the device that holds {error.filename or 'the output'}", ExitCode.UNEXPECTED
    told = one_line(f"{type(error).__name__}: {error}")
    return f"{told} (unexpected; run again with --debug for the traceback)", ExitCode.UNEXPECTED


def _is_out_of_memory(error: BaseException) -> bool:
    # torch.OutOfMemoryError is told by its name, and the CPU's failure by its text, so that torch need not be imported.
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)


def _prepare(debug: bool) -> None:
    from freqkv_cli.models.lazy_imports import own_process

    own_process()
    gc.set_threshold(100_000, 20, 20)  # imports make a million objects and no garbage: seldom is often enough
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    for name, value in QUIET_LIBRARIES.items():
        os.environ.setdefault(name, value)
    set_native_defaults()
    if _is_on("FREQKV_NO_COLOR"):
        os.environ["NO_COLOR"] = "1"  # the help is typer's, which knows only this
    if not debug:
        warnings.simplefilter("ignore")
        logging.getLogger().addHandler(logging.NullHandler())  # else libraries' warnings reach stderr


def _fill_closed_streams() -> None:
    """Opens the null device for standard streams that the caller has closed, so that no file gets their numbers."""
    while (handle := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(handle)
    # They are open as long as the process is.
    sys.stdin = sys.stdin or open(os.devnull)  # noqa: SIM115
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115


def _let_go(stream: TextIO) -> None:
    """Flushes a stream; one that takes no more is pointed at the null device, lest Python complain at exit."""
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _is_on(variable: str) -> bool:
    return os.environ.get(variable, "").lower() not in ("", "0", "false", "no", "off")


if __name__ == "__main__":
    main()
