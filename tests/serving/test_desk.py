"""What other programs ask is answered from documents inside of the roots, and a document stays read."""

from pathlib import Path

import pytest

from freqkv_cli.config import Settings
from freqkv_cli.errors import InputError
from freqkv_cli.events import Progress
from freqkv_cli.serving.desk import Desk, make_desk


@pytest.fixture
def desk(reader: str, tmp_path: Path) -> Desk:
    """A desk with a tiny model, and a document in its root."""
    (tmp_path / "a.txt").write_text("The cook of the ship was called Ambrose Pell.\n\n" * 3)
    return make_desk(Settings(model=reader, max_tokens=2, cache=False), [tmp_path])


def test_what_was_read_is_not_read_again(desk: Desk) -> None:
    told: list[Progress] = []
    report = desk.read("a.txt", told.append)
    assert report["tokens_dropped"] == 0
    assert report["input"][0]["path"].endswith("a.txt")
    assert any(progress.phase == "reading" for progress in told)
    told.clear()
    (hit, *_) = desk.passages("a.txt", "Who was the cook?", 1, told.append)
    assert "Ambrose Pell" in hit["text"]
    assert hit["place"].startswith("line")
    assert set(desk.ask("a.txt", "Who was the cook?", told.append)) == {"text", "found", "citations", "warnings"}
    assert not any(progress.phase == "reading" for progress in told)


def test_a_document_that_changed_is_read_anew(desk: Desk, tmp_path: Path) -> None:
    desk.passages("a.txt", "cook", 1, print)
    (tmp_path / "a.txt").write_text("The cook was called Hodge, and nobody else was on board that day.\n")
    assert "Hodge" in desk.passages("a.txt", "cook", 1, print)[0]["text"]


def test_nothing_outside_of_the_roots_is_read(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/hostname")
    for path in ("/etc/hostname", "../a.txt", str(tmp_path / "link")):
        with pytest.raises(InputError, match="outside"):
            desk.opened(path)
    with pytest.raises(InputError, match="check the name"):
        desk.opened("no.txt")
