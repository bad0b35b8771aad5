"""The package of an EPUB: which files make the book, in which order, and what its chapters are called."""

import posixpath
from dataclasses import dataclass
from urllib.parse import unquote

from freqkv_cli.documents.archive import Archive
from freqkv_cli.documents.clean import single_line
from freqkv_cli.documents.markup.declaration import decode_markup
from freqkv_cli.documents.markup.html_lines import elements
from freqkv_cli.documents.metadata import Metadata
from freqkv_cli.documents.reader import reason
from freqkv_cli.errors import InputError

CONTAINER = "META-INF/container.xml"
ENCRYPTION = "META-INF/encryption.xml"
TEXT_TYPES = frozenset({"application/xhtml+xml", "text/html", "application/x-dtbook+xml", "text/x-oeb1-document"})
# Fonts are made unreadable by these to keep them in the book; the text is not touched.
FONT_ALGORITHMS = frozenset({"http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"})


@dataclass(frozen=True, slots=True)
class SpineItem:
    """One file of the book. `problem` says why it has no text that can be read."""

    path: str
    title: str | None = None
    problem: str | None = None


def read_package(archive: Archive) -> tuple[list[SpineItem], Metadata]:
    """Return the files of the book in reading order, and what it says of itself.

    Raises InputError for a book that is broken or locked.
    """
    try:
        refuse_locked(archive)
        path = package_path(archive)
        return read_spine(archive, path), package_metadata(archive, path)
    except ValueError as error:
        why = reason(error)
        raise InputError(
            f"{archive.label} is a broken EPUB ({why}): get it again, or convert it with Calibre"
        ) from None


def refuse_locked(archive: Archive) -> None:
    """Raise InputError for a book whose text is encrypted."""
    if ENCRYPTION not in archive:
        return
    for name, node in elements(text_of(archive, ENCRYPTION)):
        if name == "encryptionmethod" and node.attributes.get("algorithm") not in FONT_ALGORITHMS:
            raise InputError(f"{archive.label} is locked by copy protection (DRM): a copy without it is needed")


def package_path(archive: Archive) -> str:
    """Return the path of the package file."""
    for name, node in elements(text_of(archive, CONTAINER)):
        if name == "rootfile" and (path := node.attributes.get("full-path")):
            return path
    raise ValueError("its container names no package")


def package_metadata(archive: Archive, path: str) -> Metadata:
    """Return title, first author, date and language of the book."""
    said: dict[str, str] = {}
    for name, node in elements(text_of(archive, path)):
        if name in ("title", "creator", "date", "language") and (text := single_line(node.text())[:300]):
            said.setdefault(name, text)
    return Metadata(said.get("title"), said.get("creator"), said.get("date"), said.get("language"))


def read_spine(archive: Archive, path: str) -> list[SpineItem]:
    """Return the spine that the package at `path` lists, with the titles of its table of contents."""
    manifest: dict[str, tuple[str, str]] = {}
    references: list[str] = []
    contents: str | None = None
    for name, node in elements(text_of(archive, path)):
        attributes = {key: value or "" for key, value in node.attributes.items()}
        if name == "item":
            target = resolve(path, attributes.get("href", ""))
            media_type = attributes.get("media-type", "")
            manifest[attributes.get("id", "")] = (target, media_type)
            is_nav = "nav" in attributes.get("properties", "").split()
            if is_nav or (media_type == "application/x-dtbncx+xml" and contents is None):
                contents = target
        elif name == "itemref":
            references.append(attributes.get("idref", ""))
    if not references:
        raise ValueError("its package lists no chapters")
    titles = read_titles(archive, contents) if contents and contents in archive else {}
    return [spine_item(archive, manifest.get(reference), titles) for reference in references]


def spine_item(archive: Archive, entry: tuple[str, str] | None, titles: dict[str, str]) -> SpineItem:
    """Return one file of the spine by its entry in the manifest."""
    if entry is None:
        return SpineItem("", problem="it is not in the manifest")
    path, media_type = entry
    if path not in archive:
        return SpineItem(path, titles.get(path), "its file is missing")
    problem = None if media_type in TEXT_TYPES else f"it is {media_type or 'of no stated type'}, not text"
    return SpineItem(path, titles.get(path), problem)


def read_titles(archive: Archive, path: str) -> dict[str, str]:
    """Return the first title that the table of contents (nav or ncx) has for each file, none if it is broken."""
    titles: dict[str, str] = {}
    label = ""
    try:
        for name, node in elements(text_of(archive, path)):
            attributes = node.attributes
            target = None
            if name == "text":
                label = node.text()
            elif name == "content":
                target = attributes.get("src")
            elif name == "a":
                label, target = node.text(), attributes.get("href")
            if target and (title := single_line(label)):
                titles.setdefault(resolve(path, target), title)
    except ValueError:
        return {}
    return titles


def text_of(archive: Archive, path: str) -> str:
    """Return an XML file of the book as text."""
    return decode_markup(archive.read(path))[0]


def resolve(base: str, reference: str) -> str:
    """Return the path in the archive of a file that is referred to from the file `base`."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(base), unquote(reference.partition("#")[0])))
