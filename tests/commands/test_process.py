"""freqkv as a process: streams, exit codes, closed pipes, signals, a terminal. The tasks are played."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from freqkv_cli.commands.interrupts import Invocation
from tests.commands.fakes import ANSWER, SHOWN
from tests.commands.processes import ROOT, command, environment, freqkv, stopped

SUMMARY = (
    "read 165,213 of 165,213 tokens, 0 dropped · 214 s · 771 tok/s · peak 1.02 GiB · cache 45.0 MiB · "
    "smollm2 (none, bfloat16, cpu) · freqkv"
)
WARNING = "freqkv: warning: page 7 has no text"


def test_stdout_is_the_answer_and_stderr_the_rest_without_control_codes() -> None:
    done = freqkv("plain", "summarize", "a.pdf", "--model", "smollm2")
    assert (done.returncode, done.stdout) == (0, SHOWN)
    lines = done.stderr.splitlines()
    assert lines[:2] == ["freqkv: loading smollm2", WARNING]
    assert lines[2].startswith("freqkv: reading pride_and_prejudice.pdf: 0%, ETA 3:34")
    assert lines[-1] == SUMMARY
    assert lines.count(WARNING) == 1
    assert re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", done.stderr) is None


def test_quiet_says_nothing_and_verbose_says_more() -> None:
    assert freqkv("plain", "summarize", "a.pdf", "-q").stderr == ""
    lines = freqkv("plain", "summarize", "a.pdf", "-v").stderr.splitlines()
    assert "freqkv: read as utf-8" in lines
    assert lines[-1] == "load 2.5 s · read 205 s · 160 compressions"


def test_json_is_one_line_and_escapes_control_characters() -> None:
    done = freqkv("plain", "summarize", "a.pdf", "--json")
    assert done.stdout.count("\n") == 1
    assert "\x1b" not in done.stdout
    assert json.loads(done.stdout)["text"] == "".join(ANSWER)
    assert done.stderr.splitlines()[-1] == SUMMARY


@pytest.mark.parametrize("held", ["--stream", "--no-stream"])
def test_a_console_that_is_not_utf8_gets_a_replacement_not_an_error(held: str) -> None:
    done = freqkv("plain", "summarize", "a.pdf", held, variables={"PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stdout) == (0, SHOWN)
    assert done.stderr.splitlines()[-1] == SUMMARY.replace("·", "?")


@pytest.mark.parametrize(
    ("scene", "arguments", "code", "line"),
    [
        ("plain", ["summarize", "--top-p", "2", "a", "--json"], 2, "--top-p must be above 0 and at most 1, not 2.0"),
        ("plain", ["summarise"], 2, "No such command 'summarise'. Did you mean 'summarize'?; see freqkv --help"),
        ("plain", ["ask"], 2, 'no question: freqkv ask FILE... "QUESTION" (or pipe a document in), freqkv ask --help'),
        ("memory", ["ask", "a", "b"], 6, "not enough memory: use a smaller --cache-size, --chunk or --model, or"),
        (
            "cuda",
            ["ask", "a", "b", "--json"],
            6,
            "not enough memory: use a smaller --cache-size, --chunk or --model, or",
        ),
        ("fault", ["ask", "a", "b"], 1, "KeyError: 'a bug' (unexpected; run again with --debug for the traceback)"),
    ],
)
def test_a_failure_is_one_line_and_an_exit_code(scene: str, arguments: list[str], code: int, line: str) -> None:
    done = freqkv(scene, *arguments)
    assert done.returncode == code
    assert done.stdout == ""
    assert done.stderr.splitlines()[-1].startswith(f"freqkv: error: {line}")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("asked", [["--debug", "ask", "a", "b"], ["ask", "a", "b", "--debug"]])
def test_debug_shows_the_traceback(asked: list[str]) -> None:
    assert 'raise KeyError("a bug")' in freqkv("fault", *asked).stderr
    assert 'raise KeyError("a bug")' in freqkv("fault", "ask", "a", "b", variables={"FREQKV_DEBUG": "1"}).stderr


def test_no_arguments_is_help() -> None:
    done = freqkv("plain")
    assert done.returncode == 2
    assert "Usage: freqkv [OPTIONS] COMMAND [ARGS]..." in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(
    "arguments", [["--version"], ["summarize", "-h"], ["summarize", "--top-p", "2"], ["config", "show"]]
)
def test_quick_commands_import_neither_torch_nor_transformers(arguments: list[str]) -> None:
    script = (
        "import sys, atexit\n"
        "seen = lambda: sorted({'torch', 'transformers', 'numpy'} & set(sys.modules))\n"
        "atexit.register(lambda: sys.stderr.write(f'heavy: {seen()}'))\n"
        "from freqkv_cli.__main__ import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        input="",
        capture_output=True,
        text=True,
        timeout=20,
        env=environment(),
    )
    assert done.returncode in (0, 2)
    assert done.stderr.endswith("heavy: []")


def test_a_reader_that_leaves_ends_it_quietly(tmp_path: Path) -> None:
    errors = tmp_path / "errors"
    script = '{ "$@" 2>"$0"; echo $? >"$0.code"; } | head -1'
    run = ["bash", "-c", script, str(errors), *command("endless", "summarize", "a.pdf", "-q")]
    out = subprocess.run(run, capture_output=True, text=True, timeout=20, env=environment()).stdout
    assert out == SHOWN.replace("\n", "more and more\n")
    assert errors.read_text() == ""
    assert (tmp_path / "errors.code").read_text() == "141\n"


@pytest.mark.parametrize("arguments", [["count", "a.pdf", "-q"], ["--help"]])
def test_stdout_that_is_closed_or_full(arguments: list[str]) -> None:
    for redirect, code, said in ((">&-", 141, ""), (">/dev/full", 1, "freqkv: error: no space left on the device")):
        run = ["bash", "-c", f'"$@" {redirect}', "-", *command("plain", *arguments)]
        done = subprocess.run(run, capture_output=True, text=True, timeout=20, env=environment())
        assert done.returncode == code
        assert done.stderr.startswith(said)
        assert done.stderr.count("\n") == bool(said)


def test_closed_stderr_and_stdin_do_not_matter() -> None:
    run = ["bash", "-c", '"$@" 2>&- <&-', "-", *command("plain", "summarize", "a.pdf")]
    done = subprocess.run(run, capture_output=True, text=True, timeout=20, env=environment())
    assert (done.returncode, done.stdout) == (0, SHOWN)


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_while_reading(signum: signal.Signals, code: int) -> None:
    arguments = ["--json"] if signum == signal.SIGTERM else []
    assert stopped("read", "reading", "summarize", "a.pdf", *arguments, signum=signum)[:2] == (code, "")


def test_an_interrupt_in_a_destructor_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    class Handle:
        def __del__(self) -> None:
            raise KeyboardInterrupt

    before, stop = sys.unraisablehook, Invocation()
    sys.unraisablehook = stop._ignored
    try:
        Handle()
        assert "Exception ignored" in capsys.readouterr().err
        stop.signum = signal.SIGTERM
        Handle()
        assert capsys.readouterr().err == ""
    finally:
        sys.unraisablehook = before


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_while_answering_keeps_the_answer(signum: signal.Signals) -> None:
    code, out, err = stopped("answer", "about", "summarize", "a.pdf", watch="stdout", signum=signum)
    assert (code, out) == (128 + signum, "It is about \n")
    assert err.splitlines()[-1] == "freqkv: interrupted, the answer is incomplete"


def test_an_interrupt_while_answering_in_json() -> None:
    code, out, err = stopped("answer", "answering", "ask", "a.pdf", "b", "--json")
    assert code == 130
    assert json.loads(out) == {
        "schema_version": 1,
        "command": "ask",
        "finish_reason": "interrupted",
        "text": "It is about ",
        "warnings": ["page 7 has no text"],
    }
    assert "Traceback" not in err


def test_a_task_that_ends_its_answer_itself_has_the_last_word() -> None:
    code, out, err = stopped("last word", "answering", "ask", "a.pdf", "b", "--json")
    assert (code, json.loads(out)["finish_reason"], json.loads(out)["tokens_read"]) == (130, "interrupted", 165_213)
    assert err.splitlines()[-1] == f"{SUMMARY} · interrupted"


def test_an_interrupt_that_an_import_swallows_still_counts() -> None:
    code, out, err = stopped("import", "importing", "summarize", "a.pdf")
    assert (code, out) == (130, "")
    assert "reading" not in err


def test_the_second_interrupt_ends_at_once() -> None:
    process = subprocess.Popen(
        command("deaf", "summarize", "a.pdf"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "still busy\n"
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=5) == 130


def terminal(scene: str, *arguments: str, columns: int = 80, **variables: str) -> pexpect.spawn:
    run = command(scene, *arguments)
    settled = environment(**variables)
    return pexpect.spawn(
        run[0], run[1:], env=settled, cwd=str(ROOT), dimensions=(24, columns), encoding="utf-8", timeout=15
    )


def ended(child: pexpect.spawn) -> str:
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    return str(child.before)


def test_a_terminal_sees_progress_then_the_answer() -> None:
    seen = ended(terminal("slow", "summarize", "a.pdf", columns=80))
    frames = [re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", line) for line in re.split(r"[\r\n]+", seen)]
    assert max(map(len, frames)) <= 80
    drawn = re.compile(r"reading pride_and_prej\S* [━╸╺]+ +(\d+)%  ETA +\d:\d\d  p\. +(\d+)/400  771 tok/s$")
    shares = [tuple(map(int, match.groups())) for line in frames if (match := drawn.search(line.rstrip()))]
    assert all(page == 4 * percent for percent, page in shares)
    assert len({percent for percent, _ in shares}) >= 4
    assert any(
        re.search(r"~165k tok  slots 1807/2048  cache 45.0 MiB  \d+ compr.  RSS 1.02 GiB", line) for line in frames
    )
    answer = seen.index("It is ")
    assert "reading" not in seen[answer:]
    assert SHOWN.strip() in seen[answer:]  # unbroken by anything that is drawn
    assert seen.rindex("\x1b[?25h") < answer  # the cursor is back before the answer
    assert seen.count("warning") == 1
    assert "".join(frames[-3:]).replace("\n", "").endswith("smollm2 (none, bfloat16, cpu) · freqkv")


def test_ctrl_c_at_a_terminal_clears_the_progress_and_brings_the_cursor_back() -> None:
    child = terminal("read", "summarize", "a.pdf")
    child.expect("40%")
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    assert "\x1b[?25h" in str(child.before)
    assert str(child.before).endswith("\x1b[2K")


def test_colour_can_be_switched_off() -> None:
    coloured = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-7]|9[0-7]|38)[;\dm]")
    assert coloured.search(ended(terminal("plain", "summarize", "a.pdf")))
    assert not coloured.search(ended(terminal("plain", "summarize", "a.pdf", "--no-color")))
    assert not coloured.search(ended(terminal("plain", "summarize", "a.pdf", FREQKV_NO_COLOR="1")))


def test_a_dumb_terminal_gets_plain_lines() -> None:
    seen = ended(terminal("plain", "summarize", "a.pdf", TERM="dumb"))
    assert "\x1b" not in seen
    assert "freqkv: reading pride_and_prejudice.pdf" in seen


def test_a_terminal_is_asked_for_the_password_while_the_document_is_piped_in(tmp_path: Path) -> None:
    script = f'printf %PDF | "$@" >{tmp_path / "out"}'
    child = pexpect.spawn(
        "bash",
        ["-c", script, "-", *command("locked", "summarize", "-")],
        env=environment(),
        cwd=str(ROOT),
        encoding="utf-8",
        timeout=15,
    )
    child.expect("Password of secret.pdf: ")
    child.sendline("sesame")
    child.expect("password is sesame")
    ended(child)
    assert (tmp_path / "out").read_text() == SHOWN


def test_a_terminal_as_stdin_is_told_what_to_do() -> None:
    child = terminal("plain", "summarize")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 2
    assert "freqkv: error: no document: freqkv summarize FILE... (or pipe one in), freqkv summarize --help" in str(
        child.before
    )


def test_completion_is_typers() -> None:
    variables = {"_FREQKV_COMPLETE": "complete_bash", "COMP_WORDS": "freqkv summarize --quant ", "COMP_CWORD": "3"}
    assert freqkv("plain", variables=variables).stdout.split() == ["auto", "4bit", "8bit", "gguf", "none"]
