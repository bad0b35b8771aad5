"""OpenDocument texts and presentations, and their metadata."""

import re
from collections.abc import Iterator

from freqkv_cli.documents.archive import Archive
from freqkv_cli.documents.clean import single_line
from freqkv_cli.documents.markup.declaration import decode_markup
from freqkv_cli.documents.markup.html_lines import elements, fragments
from freqkv_cli.documents.markup.sections import sections, shares
from freqkv_cli.documents.metadata import Metadata
from freqkv_cli.documents.office.extras import OF_OPEN_DOCUMENTS, count_extras
from freqkv_cli.documents.office.office_xml import renamed, split_elements
from freqkv_cli.documents.parts import Part, PartsReader, explained
from freqkv_cli.documents.reader import Findings
from freqkv_cli.documents.source import Source
from freqkv_cli.location import Location

CONTENT, META = "content.xml", "meta.xml"
NAMES = {
    "text:h": "h*",
    "text:p": "p",
    "text:list": "ul",
    "text:list-item": "li",
    "text:line-break": "br",
    "text:tab": "\t",
    "text:s": " ",
    "table:table": "table",
    "table:table-row": "tr",
    "table:table-cell": "td",
    "table:covered-table-cell": "td",
}
DROPPED = frozenset(
    [
        *("office:automatic-styles", "office:font-face-decls", "office:scripts", "text:tracked-changes"),
        *("office:annotation", "text:note-citation", "presentation:settings", "office:forms"),
        # How an index is made; what it says stands beside.
        *(f"text:{index}-source" for index in ("table-of-content", "bibliography", "alphabetical-index")),
        *(f"text:{index}-index-source" for index in ("illustration", "table", "object", "user")),
    ]
)
# A note stands in its sentence, in parentheses; the paragraphs in it would part the sentence.
NOTE = re.compile(r"<text:note-body>((?:(?!<text:note-body>).)*?)</text:note-body>", re.DOTALL)
PARAGRAPH = re.compile(r"</?text:p\b[^<>]*>")
SLIDE = re.compile(r"<draw:page\b")


def open_odf(source: Source, *, slides: bool) -> PartsReader:
    """Return the reader of an OpenDocument text, or presentation; raise InputError for a broken or locked one."""
    what = "OpenDocument presentation" if slides else "OpenDocument text"
    with source.opened() as stream, explained(source, what):
        archive = Archive(stream, source.label)
        archive.read(CONTENT)
        metadata = odf_metadata(archive)

    def parts(findings: Findings) -> Iterator[tuple[Part, float]]:
        with source.opened() as stream:
            archive = Archive(stream, source.label)
            count_extras(archive, OF_OPEN_DOCUMENTS, findings)
            xml = decode_markup(archive.read(CONTENT))[0]
        if not slides:
            xml = NOTE.sub(lambda match: f" ({single_line(PARAGRAPH.sub(' ', match[1]))})", xml)
            return shares(sections(fragments(renamed(xml, NAMES, DROPPED), xhtml=True)))
        return shares(slide_parts(SLIDE.split(xml)[1:]))

    return PartsReader(source, what, parts, metadata=metadata)


def slide_parts(pages: list[str]) -> Iterator[Part]:
    """Yield the slides of a presentation, each with its notes."""
    for number, page in enumerate(pages, 1):
        slide, notes = split_elements(page, "presentation:notes")
        shown = [text_of(f"<draw:page {''.join(slide)}")]
        shown += [f"Notes: {text}" for one in notes if (text := text_of(one))]
        text = "\n\n".join(filter(None, shown))
        if text:
            title = text.split("\n", 1)[0][:200]
            yield Part(text, Location(label=f"slide {number}", heading=title), title)


def text_of(xml: str) -> str:
    """Return the text of a piece of a presentation."""
    return "".join(part.text for part in fragments(renamed(xml, NAMES, DROPPED), xhtml=True)).strip()


def odf_metadata(archive: Archive) -> Metadata:
    """Return what an OpenDocument file says of itself."""
    said: dict[str, str] = {}
    if META in archive:
        for name, node in elements(decode_markup(archive.read(META))[0]):
            said.setdefault(name, single_line(node.text())[:300])
    author = said.get("initial-creator") or said.get("creator")
    return Metadata(
        said.get("title") or None, author or None, said.get("creation-date") or None, said.get("language") or None
    )
