"""Sources: files and streams, their hash, and each way in which they cannot be read."""

import hashlib
import io
import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from freqkv_cli.documents import Document, open_document, open_documents
from freqkv_cli.documents.source import SPOOL_BYTES
from freqkv_cli.errors import ExitCode, FreqkvError, InputError, NoTextError, UsageError


def pipe_in(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def refusal(source: str, **options: Any) -> FreqkvError:
    """What is raised for a source by its opening or reading, checked to be one printable line."""
    with pytest.raises(FreqkvError) as caught:
        list(open_document(source, **options).pages())
    assert caught.value.message.isprintable()
    return caught.value


def test_missing(tmp_path: Path) -> None:
    error = refusal(str(tmp_path / "no\x1b[31m\n.pdf"))
    assert error.exit_code == ExitCode.INPUT
    assert error.message == f"{tmp_path}/no\\x1b[31m\\n.pdf does not exist: check the name and the folder"
    assert "download it first" in refusal("https://example.org/a.pdf").message
    assert refusal("nul\x00byte").exit_code == ExitCode.INPUT
    assert refusal("").exit_code == ExitCode.INPUT
    assert refusal("x" * 5000).exit_code == ExitCode.INPUT


def test_folder(tmp_path: Path) -> None:
    error = refusal(f"{tmp_path}/")
    assert error.exit_code == ExitCode.INPUT
    assert error.message == f"{tmp_path}/ is a folder: add -r for all files in it, or name some, as in {tmp_path}/*.txt"


def test_empty_file(tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()
    error = refusal(str(tmp_path / "a.txt"))
    assert error.exit_code == ExitCode.NO_TEXT
    assert "is empty" in error.message
    assert refusal(os.devnull).exit_code == ExitCode.NO_TEXT


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.txt"
    path.write_text("text")
    path.chmod(0)
    if os.access(path, os.R_OK):  # root may read everything: the system's answer is played

        def refuse(*args: object, **kwargs: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr("builtins.open", refuse)
    error = refusal(str(path))
    assert error.exit_code == ExitCode.INPUT
    assert "permission denied" in error.message


def test_device() -> None:
    assert "is a device" in refusal("/dev/zero").message


def test_empty_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe_in(monkeypatch, b"")
    error = refusal("-")
    assert error.exit_code == ExitCode.NO_TEXT
    assert "stdin is empty" in error.message


def test_terminal_as_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = os.openpty()
    with open(theirs) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        error = refusal("-")
    os.close(ours)
    assert error.exit_code == ExitCode.USAGE
    assert "stdin is a terminal" in error.message
    monkeypatch.setattr(sys, "stdin", None)
    assert refusal("-").exit_code == ExitCode.USAGE


@pytest.mark.parametrize("size", [100, SPOOL_BYTES + 100])
def test_stdin_is_read_and_nothing_of_it_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, size: int) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    data = (b"piped words\n" * (size // 12 + 1))[:size]
    pipe_in(monkeypatch, data)
    with open_document("-") as document:
        assert (document.name, document.byte_count) == ("stdin", size)
        assert document.sha256 == hashlib.sha256(data).hexdigest()
        assert "".join(page.text for page in document.pages()) == data.decode()
        assert "".join(page.text for page in document.pages()) == data.decode()
        assert list(tmp_path.iterdir()) == []  # without a name while it is open
    with pytest.raises(ValueError, match="closed"):
        next(document.pages())


def test_no_room_for_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "SpooledTemporaryFile", lambda max_size: Full())
    pipe_in(monkeypatch, b"text")
    error = refusal("-")
    assert error.exit_code == ExitCode.INPUT
    assert "No space left on device" in error.message


def test_a_named_pipe_is_read(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with subprocess.Popen(["sh", "-c", f"printf 'from a pipe' > '{path}'"]):
        document = open_document(str(path))
    assert stat.S_ISFIFO(path.stat().st_mode)
    assert [page.text for page in document.pages()] == ["from a pipe"]


def test_the_hash_is_that_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"text\r\n")
    document = open_document(str(tmp_path / "a.txt"))
    assert document.sha256 == hashlib.sha256(b"text\r\n").hexdigest()
    assert document.name == str(tmp_path / "a.txt")


@pytest.fixture
def long_text(tmp_path: Path) -> Path:
    path = tmp_path / "a.txt"
    path.write_text("a line of words\n" * 10_000)
    return path


def half_read(path: Path) -> tuple[Document, Any]:
    document = open_document(str(path))
    pages = document.pages()
    next(pages)
    return document, pages


def test_a_file_deleted_while_it_is_read(long_text: Path) -> None:
    document, pages = half_read(long_text)
    long_text.unlink()
    with pytest.raises(InputError, match="was deleted while it was being read"):
        list(pages)
    with pytest.raises(InputError, match="was deleted"):
        list(document.pages())


def test_a_file_changed_while_it_is_read(long_text: Path) -> None:
    _, pages = half_read(long_text)
    with long_text.open("a") as stream:
        stream.write("more")
    with pytest.raises(InputError, match="changed while it was being read"):
        list(pages)


def test_a_disk_that_fails(long_text: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = open_document(str(long_text))

    def fail(*args: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("freqkv_cli.documents.text.decoded", fail)
    with pytest.raises(InputError, match=r"cannot be read to its end .*Input/output error"):
        list(document.pages())


def test_several_documents(tmp_path: Path, long_text: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "b.md").write_text("# b")
    assert [document.kind for document in open_documents([str(long_text), str(tmp_path / "b.md")])] == [
        "text",
        "markdown",
    ]
    with pytest.raises(InputError, match=r"no\.txt does not exist"):
        open_documents([str(long_text), str(tmp_path / "no.txt")])
    pipe_in(monkeypatch, b"text")
    with pytest.raises(UsageError, match="only once"):
        open_documents(["-", "-"])


def test_importing_the_documents_loads_no_library() -> None:
    code = "import sys, freqkv_cli.documents; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"pypdf", "selectolax", "charset_normalizer", "torch", "transformers", "rich", "typer"} & set(loaded)


def test_nothing_at_all_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbf\n")
    with pytest.raises(NoTextError):
        open_document(str(tmp_path / "a.txt"))
