"""DOCX: Word documents, read by mammoth: headings, lists, tables and notes; not comments, headers and deleted text."""

from collections.abc import Iterator

from freqkv_cli.documents.archive import Archive
from freqkv_cli.documents.clean import single_line
from freqkv_cli.documents.markup.declaration import decode_markup
from freqkv_cli.documents.markup.html_lines import elements, fragments
from freqkv_cli.documents.markup.sections import sections, shares
from freqkv_cli.documents.metadata import Metadata
from freqkv_cli.documents.parts import Part, PartsReader, explained
from freqkv_cli.documents.reader import Findings
from freqkv_cli.documents.source import Source

WHAT = "Word document"
BODY = "word/document.xml"
PICTURES = "pictures"
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
            findings.leave_out(PICTURES)
            return {}

        with source.opened() as stream:
            html = mammoth.convert_to_html(
                stream, style_map=STYLES, convert_image=mammoth.images.img_element(count)
            ).value
        yield from shares(sections(fragments(html, xhtml=True)))

    return PartsReader(source, WHAT, parts, metadata=metadata)


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
