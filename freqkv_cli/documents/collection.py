"""Collections: the files of a folder or a zip, each a source of its own."""

import io
import os
from collections.abc import Iterator
from pathlib import Path

from freqkv_cli.documents.archive import Archive
from freqkv_cli.documents.kind import ZIP_MARK, zip_kind
from freqkv_cli.documents.source import Source, open_source, printable, spooled

FILE_LIMIT = 10_000  # files of one folder or zip


def is_folder(name: str) -> bool:
    """Whether the user named a folder."""
    return name != "-" and os.path.isdir(name)


def folder_files(name: str) -> Iterator[Source]:
    """Yield the files of a folder and of the folders in it in the order of their names; hidden ones do not count."""
    found = 0
    for folder, folders, files in os.walk(name):
        folders[:] = sorted(one for one in folders if not one.startswith("."))
        for file in sorted(files):
            path = Path(folder, file)
            if not file.startswith(".") and path.is_file() and path.stat().st_size and found < FILE_LIMIT:
                found += 1
                yield open_source(str(path))


def is_plain_zip(source: Source) -> bool:
    """Whether a source is a zip, and not a document that is one."""
    return source.head(len(ZIP_MARK)) == ZIP_MARK and zip_kind(source) is None


def zip_members(source: Source) -> Iterator[Source]:
    """Yield the files of a zip, unpacked one at a time; what is damaged is an empty file, so that it is told of."""
    try:
        with source.opened() as stream:
            archive = Archive(stream, source.label)
            for name in archive.names()[:FILE_LIMIT]:
                if not name.endswith("/") and not Path(name).name.startswith("."):
                    try:
                        data = archive.read(name)
                    except ValueError:
                        data = b"\x00"
                    if data:
                        label = f"{source.name}/{name}"
                        yield spooled(label, printable(label), io.BytesIO(data))
    finally:
        source.close()
