"""DOCX: Word documents, read by mammoth: headings, lists, tables and notes; what it would drop is made plain first."""

import io
import re
import zipfile
from collections.abc import Iterator
from typing import IO

from freqkv_cli.documents.archive import Archive
from freqkv_cli.documents.clean import single_line
from freqkv_cli.documents.markup.declaration import decode_markup
from freqkv_cli.documents.markup.html_lines import elements, fragments
from freqkv_cli.documents.markup.sections import sections, shares
from freqkv_cli.documents.metadata import Metadata
from freqkv_cli.documents.office.extras import OF_WORD, count_extras
from freqkv_cli.documents.parts import Part, PartsReader, explained
from freqkv_cli.documents.reader import Findings
from freqkv_cli.documents.source import Source

WHAT = "Word document"
BODY = "word/document.xml"
# Text that mammoth passes over with the element around it: fields, runs of a set direction, the base of ruby text, and
# formulas, of which the characters stay in their order. The prefixes are those that every program writes.
TEXTS = re.compile(r"word/(?:document|footnotes|endnotes)\.xml")
AROUND = re.compile(rb"</?w:(?:fldSimple|bdo|dir|ruby|rubyBase)(?:\s[^<>]*)?>|</?m:(?![rt][ >])[^<>]*>")
RUBY = re.compile(rb"<w:rt>(?:(?!<w:rt>).)*?</w:rt>", re.DOTALL)
IN_FORMULA = re.compile(rb"<(/?)m:(?=[rt][ >])")
# mammoth knows the usual styles; these are some that it takes for plain paragraphs.
STYLES = "p[style-name='Title'] => h1:fresh\np[style-name='Subtitle'] => h2:fresh"


def open_docx(source: Source) -> PartsReader:
    """Return the reader of a Word document; raise InputError for a broken or locked one."""
    with source.opened() as stream, explained(source, WHAT):
        archive = Archive(stream, source.label)
        archive.check_size()
        if BODY not in archive:
            raise ValueError(f"{BODY} is missing")
        metadata = core_properties(archive)

    def parts(findings: Findings) -> Iterator[tuple[Part, float]]:
        import mammoth

        def count(image: object) -> dict[str, str]:
            findings.leave_out("pictures")
            return {}

        with source.opened() as stream:
            archive = Archive(stream, source.label)
            count_extras(archive, OF_WORD, findings)
            html = mammoth.convert_to_html(
                plain(archive), style_map=STYLES, convert_image=mammoth.images.img_element(count)
            ).value
        yield from shares(sections(fragments(html, xhtml=True)))

    return PartsReader(source, WHAT, parts, metadata=metadata)


def plain(archive: Archive) -> IO[bytes]:
    """Return a Word document with its texts made plain for mammoth, and without what these do not need."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        for name in dict.fromkeys(archive.names()):
            if name.endswith((".xml", ".rels")):
                data = archive.read(name)
                packed.writestr(name, plain_text(data) if TEXTS.fullmatch(name) else data)
    stream.seek(0)
    return stream


def plain_text(xml: bytes) -> bytes:
    """Return the XML of a text with all of its runs where mammoth finds them."""
    if b"<w:rt>" in xml:
        xml = RUBY.sub(b"", xml)
    return IN_FORMULA.sub(rb"<\1w:", AROUND.sub(b"", xml)).replace(b"<w:cr/>", b"<w:br/>")


def core_properties(archive: Archive) -> Metadata:
    """Return what an Office Open XML file says of itself."""
    said: dict[str, str] = {}
    if "docProps/core.xml" in archive:
        for name, node in elements(decode_markup(archive.read("docProps/core.xml"))[0]):
            said.setdefault(name, single_line(node.text())[:300])
    return Metadata(
        said.get("title") or None,
        said.get("creator") or None,
        said.get("created") or None,
        said.get("language") or None,
    )
