"""FB2: books in one XML file."""

import re
from collections.abc import Iterator

from freqkv_cli.documents.clean import single_line
from freqkv_cli.documents.markup.declaration import decode_markup
from freqkv_cli.documents.markup.html_lines import elements, fragments
from freqkv_cli.documents.markup.sections import sections, shares
from freqkv_cli.documents.metadata import Metadata
from freqkv_cli.documents.office.office_xml import renamed, split_elements
from freqkv_cli.documents.parts import Part, PartsReader, explained
from freqkv_cli.documents.reader import Findings
from freqkv_cli.documents.source import Source
from freqkv_cli.errors import InputError

WHAT = "FB2 book"
BYTE_LIMIT = 128 << 20  # pictures in it count
NAMES = {"p": "p", "title": "h2", "subtitle": "h3", "v": "div", "stanza": "p", "empty-line": "br", "cite": "blockquote",
    "epigraph": "blockquote", "text-author": "p", "table": "table", "tr": "tr", "td": "td", "th": "th"}  # fmt: skip
DROPPED = frozenset(["binary", "description", "stylesheet"])
DESCRIPTION = re.compile(r"<title-info>.*?</title-info>", re.DOTALL)
PARAGRAPH = re.compile(r"</?p\b[^<>]*>")


def open_fb2(source: Source) -> PartsReader:
    """Return the reader of an FB2 book; raise InputError for one that is too large."""
    if source.byte_count > BYTE_LIMIT:
        raise InputError(f"{source.label} is larger than {BYTE_LIMIT >> 20} MB, too large for an FB2 book")
    with explained(source, WHAT):
        metadata = fb2_metadata(decode_markup(source.head(64 * 1024))[0])

    def parts(findings: Findings) -> Iterator[tuple[Part, float]]:
        xml, exact = decode_markup(b"".join(source.blocks()))
        if not exact:
            findings.warnings.append(f"{source.label}: some bytes do not fit its encoding and were replaced by U+FFFD")
        findings.leave_out("pictures", xml.count("<binary"))
        between, titles = split_elements(xml, "title")
        lines = [PARAGRAPH.sub(" ", title) for title in titles]  # a title of several lines is one
        xml = "".join(piece for pair in zip(between, [*lines, ""], strict=True) for piece in pair)
        return shares(sections(fragments(renamed(xml, NAMES, DROPPED), xhtml=True)))

    return PartsReader(source, WHAT, parts, metadata=metadata)


def fb2_metadata(start: str) -> Metadata:
    """Return what the book says of itself."""
    match = DESCRIPTION.search(start)
    said: dict[str, str] = {}
    for name, node in elements(match[0]) if match else ():
        said.setdefault(name, single_line(node.text())[:300])
    author = " ".join(filter(None, (said.get("first-name"), said.get("last-name"))))
    return Metadata(said.get("book-title") or None, author or None, said.get("date") or None, said.get("lang") or None)
