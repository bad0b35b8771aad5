"""freqkv chat as a process: a prompt on a terminal, questions that are piped in, and what can be typed beside them."""

import json
import os
import re
import signal
import stat
import subprocess
import time
from pathlib import Path

import pexpect
import pytest

from freqkv_cli.commands.chat_commands import HELP
from tests.commands.processes import ROOT, command, environment, freqkv, stopped

READY = "\x1b\\[\\?2004h"  # bracketed paste is on: the line editor listens
HINT = "Ctrl-C again leaves; so do Ctrl-D and /exit"


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """Variables that put the history of what was typed into a folder of its own."""
    return {"XDG_STATE_HOME": str(tmp_path / "state")}


def chat(*arguments: str, **variables: str) -> pexpect.spawn:
    run = command("plain", "chat", *(arguments or ("a.pdf",)))
    child = pexpect.spawn(
        run[0], run[1:], env=environment(**variables), cwd=str(ROOT), dimensions=(24, 80), encoding="utf-8", timeout=15
    )
    child.delaybeforesend = 0.2  # a prompt that is being drawn would lose what is typed
    return child


def left(child: pexpect.spawn, code: int = 0) -> str:
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == code
    return str(child.before)


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)


def test_piped_questions_are_answered_in_order_and_stdout_has_the_answers_alone(home: dict[str, str]) -> None:
    done = freqkv("plain", "chat", "a.pdf", stdin="who?\n\n  where? \n/nope\nlast", variables=home)
    assert (done.returncode, done.stdout) == (0, "WHO?\nWHERE?\nLAST\n")
    assert "freqkv: there is no /nope: /help lists the commands" in done.stderr.splitlines()
    assert "read 165,213 of 165,213 tokens" in done.stderr
    assert "ask away" not in done.stderr
    assert re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", done.stdout + done.stderr) is None


def test_json_is_an_object_a_line(home: dict[str, str]) -> None:
    done = freqkv("plain", "chat", "a.pdf", "--json", "-q", stdin="who?\nwhere?\n", variables=home)
    assert [json.loads(line)["text"] for line in done.stdout.splitlines()] == ["WHO?", "WHERE?"]
    assert done.stderr == ""


def test_exit_leaves_the_rest_unasked_and_help_is_on_stderr(home: dict[str, str]) -> None:
    done = freqkv("plain", "chat", "a.pdf", stdin="/help\nwho?\n/exit now\n/exit\nwhere?\n", variables=home)
    assert (done.returncode, done.stdout) == (0, "WHO?\n")
    assert "  /passages " in done.stderr
    assert "freqkv: /exit takes nothing behind it" in done.stderr
    assert max(map(len, HELP.splitlines())) < 80


def test_no_answer_to_any_piped_question_is_an_error(home: dict[str, str]) -> None:
    done = freqkv("no answers", "chat", "a.pdf", stdin="who?\nwhere?\n", variables=home)
    assert (done.returncode, done.stdout) == (2, "(no answer: no room)\n" * 2)
    assert done.stderr.splitlines()[-1] == "freqkv: error: none of 2 questions could be answered"


def test_a_reader_that_leaves_ends_it_quietly(tmp_path: Path, home: dict[str, str]) -> None:
    script = 'yes who? | { "$@" 2>"$0"; echo $? >"$0.code"; } | head -1'
    errors = tmp_path / "errors"
    run = ["bash", "-c", script, str(errors), *command("plain", "chat", "a.pdf", "-q")]
    out = subprocess.run(run, capture_output=True, text=True, timeout=20, env=environment(**home)).stdout
    assert out == "WHO?\n"
    assert (errors.read_text(), (tmp_path / "errors.code").read_text()) == ("", "141\n")


def test_an_interrupt_ends_a_chat_that_is_piped(tmp_path: Path) -> None:
    questions = tmp_path / "questions.txt"
    questions.write_text("who?\nlong one?\nwhere?\n")
    with questions.open("rb") as lines:
        ended = stopped("plain", "LONG", "chat", "a.pdf", "-q", "--no-cache", watch="stdout", stdin=lines)
    assert ended == (130, "WHO?\nLONG ONE?\n", "")


def test_a_chat_at_a_terminal(home: dict[str, str]) -> None:
    child = chat(**home)
    child.expect("ask away; /help lists what else can be typed, Ctrl-D leaves\r\n")
    child.expect(READY)
    child.sendline("who?")
    child.expect("WHO\\?\r\n")
    child.expect(READY)
    child.sendline("long one?")
    child.expect("LONG ONE\\?")
    time.sleep(0.2)
    child.sendintr()  # stops the answer, and not the program
    child.expect("freqkv: interrupted, the answer is incomplete")
    child.expect(READY)
    child.sendline("never one?")
    child.expect("answering")
    time.sleep(0.2)
    child.sendintr()
    child.expect("freqkv: interrupted before the answer began\r\n")
    child.expect(READY)
    child.sendline("and where?")
    child.expect("AND WHERE\\?")
    child.expect(READY)
    child.send("typed in vain")
    child.expect("typed in vain")
    child.sendintr()  # clears the line
    child.send("one\\\r")  # a backslash, then Enter, and Esc Enter begin new lines
    child.send("two\x1b\rthree\r")
    child.expect("ONE\r\nTWO\r\nTHREE\r\n")
    child.expect(READY)
    child.sendintr()
    child.expect(HINT)
    child.expect(READY)
    child.send("\x1b[A\r")  # up, to what was typed last
    child.expect("ONE\r\nTWO\r\nTHREE\r\n")
    child.expect(READY)
    child.sendeof()
    seen = left(child)
    assert "Traceback" not in seen
    history = Path(home["XDG_STATE_HOME"], "freqkv", "chat_history")
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    assert "+and where?" in history.read_text().splitlines()
    assert "vain" not in history.read_text()


def test_ctrl_c_twice_leaves_and_without_a_cache_nothing_is_kept(home: dict[str, str]) -> None:
    child = chat("a.pdf", "--no-cache", **home)
    child.expect(READY)
    child.sendline("who?")
    child.expect("WHO\\?")
    child.expect(READY)
    child.sendintr()
    child.expect(HINT)
    child.expect(READY)
    child.sendintr()
    left(child)
    assert not Path(home["XDG_STATE_HOME"]).exists()


@pytest.mark.parametrize("question", ["", "long one?"])
def test_sigterm_ends_it_at_the_prompt_and_in_an_answer(home: dict[str, str], question: str) -> None:
    child = chat(**home)
    child.expect(READY)
    if question:
        child.sendline(question)
        child.expect("LONG ONE")
    time.sleep(0.3)
    child.kill(signal.SIGTERM)
    assert "Traceback" not in left(child, 143)


def test_the_prompt_is_on_the_terminal_when_both_streams_go_elsewhere(tmp_path: Path, home: dict[str, str]) -> None:
    script = f'"$@" >{tmp_path / "out"} 2>{tmp_path / "errors"}'
    child = pexpect.spawn(
        "bash",
        ["-c", script, "-", *command("plain", "chat", "a.pdf")],
        env=environment(**home),
        cwd=str(ROOT),
        encoding="utf-8",
        timeout=15,
    )
    child.delaybeforesend = 0.2
    child.expect(READY)
    child.sendline("who?")
    child.expect(READY)
    child.sendeof()
    left(child)
    assert (tmp_path / "out").read_text() == "WHO?\n"
    assert "\x1b" not in (tmp_path / "errors").read_text()


@pytest.mark.parametrize("variables", [{"TERM": "dumb"}, {"NO_COLOR": "1"}])
def test_a_dumb_terminal_and_no_colour(home: dict[str, str], variables: dict[str, str]) -> None:
    child = chat(**home, **variables)
    child.expect("> " if "TERM" in variables else READY)
    child.sendline("who?")
    child.expect("WHO\\?")
    child.expect("> " if "TERM" in variables else READY)
    child.sendeof()
    seen = left(child)
    if variables.get("TERM") == "dumb":
        assert "\x1b" not in seen
    assert not re.search(r"\x1b\[(?:\d+;)*(?:3[0-7]|9[0-7]|38)[;\dm]", seen)


def test_the_document_is_piped_in_and_the_questions_are_typed(tmp_path: Path, home: dict[str, str]) -> None:
    script = f'echo text | "$@" >{tmp_path / "out"}'
    child = pexpect.spawn(
        "bash",
        ["-c", script, "-", *command("plain", "chat", "-")],
        env=environment(**home),
        cwd=str(ROOT),
        encoding="utf-8",
        timeout=15,
    )
    child.delaybeforesend = 0.2
    child.expect(READY)
    child.sendline("who?")
    child.expect(READY)
    child.sendeof()
    left(child)
    assert (tmp_path / "out").read_text() == "WHO?\n"


def test_a_document_in_the_pipe_and_no_terminal_is_told_what_to_do(home: dict[str, str]) -> None:
    done = subprocess.run(
        command("plain", "chat", "-"),
        input="text",
        capture_output=True,
        text=True,
        timeout=20,
        env=environment(**home),
        start_new_session=True,  # without a terminal
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("freqkv: error: stdin holds the document, and there is no terminal to ask from")
    assert os.linesep.join(done.stderr.splitlines()) + os.linesep == done.stderr
