"""What other programs ask is answered from documents inside of the roots, and a document stays read."""

from pathlib import Path

import pytest

from freqkv_cli.config import Settings
from freqkv_cli.errors import InputError
from freqkv_cli.events import Progress
from freqkv_cli.serving.document_service import DocumentService, make_service


@pytest.fixture
def service(reader: str, tmp_path: Path) -> DocumentService:
    """A service with a tiny model, and a document in its root."""
    (tmp_path / "a.txt").write_text("The cook of the ship was called Ambrose Pell.\n\n" * 3)
    return make_service(Settings(model=reader, max_tokens=2, cache=False), [tmp_path])


def test_what_was_read_is_not_read_again(service: DocumentService) -> None:
    told: list[Progress] = []
    report = service.read("a.txt", told.append)
    assert report["tokens_dropped"] == 0
    assert report["input"][0]["path"].endswith("a.txt")
    assert any(progress.phase == "reading" for progress in told)
    told.clear()
    (hit, *_) = service.passages("a.txt", "Who was the cook?", 1, told.append)
    assert "Ambrose Pell" in hit["text"]
    assert hit["place"].startswith("line")
    assert set(service.ask("a.txt", "Who was the cook?", told.append)) == {"text", "found", "citations", "warnings"}
    assert not any(progress.phase == "reading" for progress in told)


def test_a_document_that_changed_is_read_anew(service: DocumentService, tmp_path: Path) -> None:
    service.passages("a.txt", "cook", 1, print)
    (tmp_path / "a.txt").write_text("The cook was called Hodge, and nobody else was on board that day.\n")
    assert "Hodge" in service.passages("a.txt", "cook", 1, print)[0]["text"]


def test_nothing_outside_of_the_roots_is_read(service: DocumentService, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/hostname")
    for path in ("/etc/hostname", "../a.txt", str(tmp_path / "link")):
        with pytest.raises(InputError, match="outside"):
            service.opened(path)
    with pytest.raises(InputError, match="check the name"):
        service.opened("no.txt")
