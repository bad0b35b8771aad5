"""Where questions are typed, without a terminal; with one see tests/commands/test_chat.py."""

import io
import stat
from pathlib import Path

import pytest

from freqkv_cli.terminal import prompt as prompts
from freqkv_cli.terminal.prompt import PipedPrompt, PlainPrompt, private_history


def test_piped_lines_are_questions_and_empty_ones_are_none() -> None:
    prompt = PipedPrompt(io.StringIO("\nwho? \n   \n where?"))
    assert [prompt.next(), prompt.next(), prompt.next()] == ["who?", "where?", None]


def test_a_plain_terminal_gets_a_prompt_and_a_backslash_goes_on() -> None:
    screen = io.StringIO()
    prompt = PlainPrompt(io.StringIO("who?\none\\\ntwo\\\n\n\nlast"), screen)
    assert [prompt.next() for _ in range(5)] == ["who?", "one\ntwo\n", "", "last", None]
    assert screen.getvalue() == "> >     > > > "


def test_the_history_is_the_users_alone(tmp_path: Path) -> None:
    path = private_history(tmp_path / "state" / "freqkv")
    assert path is not None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    path.write_text("kept")
    path.chmod(0o644)
    assert private_history(path.parent) == path
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("kept", 0o600)


def test_a_folder_that_cannot_be_made_and_a_full_disk_are_no_reason_to_stop(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert private_history(tmp_path / "file") is None
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    history = prompts._kept_in(Path("/dev/full"))
    history.append_string("who?")
    assert history.get_strings() == ["who?"]
