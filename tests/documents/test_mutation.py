"""Damaged files of every format are read or refused with one line, in bounded time: no other error gets out."""

import os
import signal
import warnings
from itertools import islice
from pathlib import Path

import pytest

from freqkv_cli.documents import open_document
from freqkv_cli.documents.markup.latex import text_of
from freqkv_cli.errors import InputError
from tests.documents.mutations import FILES, mutations, own_samples
from tests.documents.office_samples import MESSAGE
from tests.documents.reading import read, read_alone

EACH = 20  # of each sample; how the thousands in docs/documents.md were made is said there


@pytest.mark.parametrize("name", FILES)
def test_damage_is_read_or_refused_in_one_line(tmp_path: Path, name: str) -> None:
    sample = {name: own_samples(tmp_path)[name]}
    with warnings.catch_warnings(action="ignore"):  # zipfile's, of two members of one name
        damaged = list(islice(mutations(sample), EACH))
    for label, data in damaged:
        path = tmp_path / label
        path.write_bytes(data)
        outcome = read(str(path))
        assert outcome.fault is None, f"{label}: {outcome.fault}"
        assert (outcome.exit_code in (3, 4)) if outcome.refusal else outcome.characters


def test_mutations_are_the_same_every_time(tmp_path: Path) -> None:
    sample = {"a.txt": own_samples(tmp_path)["a.txt"]}
    assert list(islice(mutations(sample), 30)) == list(islice(mutations(sample), 30))


def test_a_process_that_dies_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.documents.reading.read", lambda path: os.kill(os.getpid(), signal.SIGKILL))
    assert "status 9" in str(read_alone(str(tmp_path)).fault)


def test_the_time_for_a_message_grows_with_its_length_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.eml"
    path.write_text(MESSAGE.replace("boundary=", "oundary" * 50_000 + " boundary="))  # hours, were it quadratic
    assert read(str(path)).characters


def test_the_time_for_a_line_of_latex_grows_with_its_length_alone() -> None:
    assert text_of("\\emph{a}" + " " * 500_000 + "& b").split() == ["a", "b"]  # minutes, were it quadratic


def test_a_damaged_directory_of_a_zip_is_an_input_error(data: Path) -> None:
    with pytest.raises(InputError, match="broken zip"):
        open_document(str(data / "field" / "bad-directory.epub"))


def test_a_damaged_chapter_is_counted(data: Path) -> None:
    document = open_document(str(data / "field" / "04-badcrc.epub"))
    assert list(document.pages())
    assert document.left_out == {"unreadable parts": 1}
