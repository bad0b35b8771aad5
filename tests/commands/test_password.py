"""Where a document's password comes from."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from freqkv_cli.commands import password as module
from freqkv_cli.commands.password import password_reader
from freqkv_cli.errors import InputError


@contextmanager
def unpaused() -> Iterator[None]:
    yield


def test_the_file_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "secret"
    file.write_text(" open sesame \r\n")
    monkeypatch.setenv("FREQKV_PDF_PASSWORD", "other")
    assert password_reader(str(file), unpaused)("a.pdf") == " open sesame "
    assert password_reader(None, unpaused)("a.pdf") == "other"


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        password_reader(str(tmp_path / "none"), unpaused)("a.pdf")
    (tmp_path / "bytes").write_bytes(b"\xff")
    with pytest.raises(InputError, match="not UTF-8"):
        password_reader(str(tmp_path / "bytes"), unpaused)("a.pdf")


def test_the_prompt_has_the_terminal_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    order = []

    @contextmanager
    def paused() -> Iterator[None]:
        order.append("paused")
        yield
        order.append("back")

    def ask(prompt: str) -> str:
        order.append(prompt)
        return "typed"

    monkeypatch.setattr(module, "_has_terminal", lambda: True)
    monkeypatch.setattr(getpass, "getpass", ask)
    assert password_reader(None, paused)("a.pdf") == "typed"
    assert order == ["paused", "Password of a.pdf: ", "back"]


def test_without_a_terminal_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_has_terminal", lambda: False)
    assert password_reader(None, unpaused)("a.pdf") is None
