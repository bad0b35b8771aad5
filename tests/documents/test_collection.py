"""Folders and zips stand for the documents in them; what is none is told of."""

import io
import zipfile
from pathlib import Path

import pytest

from freqkv_cli.documents import Document, open_documents
from freqkv_cli.errors import InputError


def texts(documents: list[Document]) -> list[tuple[str, str]]:
    return [(document.name, "".join(page.text for page in document.pages())) for document in documents]


def test_a_folder_stands_for_its_documents(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / ".hidden").write_text("no")
    (tmp_path / "z.txt").write_text("last")
    (tmp_path / "a.md").write_text("first")
    (tmp_path / "b" / "c.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    documents = open_documents([str(tmp_path)], recursive=True)
    assert texts(documents) == [(f"{tmp_path}/a.md", "first"), (f"{tmp_path}/z.txt", "last")]
    warning = f"1 files of {tmp_path} are left out; {tmp_path}/b/c.png is a PNG image: "
    assert documents[0].warnings[0].startswith(warning)
    with pytest.raises(InputError, match="is a folder: add -r"):
        open_documents([str(tmp_path)])


def test_a_zip_stands_for_its_documents(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("deep.txt", "in a zip in a zip")
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in (("one.txt", b"first"), ("two/two.md", b"# second"), ("three.zip", inner.getvalue())):
            archive.writestr(name, data)
    documents = open_documents([str(path)])
    assert texts(documents) == [(f"{path}/one.txt", "first"), (f"{path}/two/two.md", "# second")]
    assert "three.zip is a zip archive" in documents[0].warnings[0]


def test_a_folder_without_documents_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\x7fELF")
    with pytest.raises(InputError, match=r"holds no document that can be read: .* is a program"):
        open_documents([str(tmp_path)], recursive=True)
