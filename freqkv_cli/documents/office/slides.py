"""PPTX: the slides of a presentation in their order, titles first, tables as rows, each with its notes."""

import posixpath
import re
from collections.abc import Iterator

from freqkv_cli.documents.archive import Archive
from freqkv_cli.documents.clean import single_line
from freqkv_cli.documents.markup.declaration import decode_markup
from freqkv_cli.documents.markup.html_lines import elements, fragments
from freqkv_cli.documents.office.extras import OF_SLIDES, count_extras
from freqkv_cli.documents.office.office_xml import renamed
from freqkv_cli.documents.office.word import core_properties
from freqkv_cli.documents.parts import Part, PartsReader, explained
from freqkv_cli.documents.reader import Findings
from freqkv_cli.documents.source import Source
from freqkv_cli.location import Location

WHAT = "PowerPoint presentation"
PRESENTATION = "ppt/presentation.xml"
NAMES = {"a:p": "p", "a:tbl": "table", "a:tr": "tr", "a:tc": "td", "a:br": "br"}
DROPPED = frozenset(["mc:Fallback", "p:extLst"])
SHAPE = re.compile(r"<p:(sp|graphicFrame)\b")
TITLE = re.compile(r"<p:ph\b[^>]*type=[\"'](?:title|ctrTitle)")
FURNITURE = re.compile(r"<p:ph\b[^>]*type=[\"'](?:sldNum|dt|ftr|hdr|sldImg)")  # number, date, footer, header
TEXT_FRAME = re.compile(r"<a:t\b")


def open_pptx(source: Source) -> PartsReader:
    """Return the reader of a presentation; raise InputError for a broken or locked one."""
    with source.opened() as stream, explained(source, WHAT):
        archive = Archive(stream, source.label)
        order = slide_paths(archive)
        metadata = core_properties(archive)

    def parts(findings: Findings) -> Iterator[tuple[Part, float]]:
        with source.opened() as stream:
            archive = Archive(stream, source.label)
            count_extras(archive, OF_SLIDES, findings)
            for number, path in enumerate(order, 1):
                part = slide(archive, path, number, findings)
                if part is None:
                    findings.leave_out("slides without text")
                else:
                    yield part, number / len(order)

    return PartsReader(source, WHAT, parts, metadata=metadata)


def slide_paths(archive: Archive) -> list[str]:
    """Return the files of the slides in the order in which they are shown."""
    targets = relations(archive, PRESENTATION)
    shown = [
        node.attributes.get("r:id") or "" for name, node in elements(text_of(archive, PRESENTATION)) if name == "sldid"
    ]
    return [targets[one][1] for one in shown if one in targets]


def slide(archive: Archive, path: str, number: int, findings: Findings) -> Part | None:
    """Return a slide with its notes, None for one without text."""
    xml = text_of(archive, path)
    findings.leave_out("pictures", xml.count("<p:pic>"))
    shapes = shapes_in(xml)
    titles = [frame_text(one) for one in shapes if TITLE.search(one)]
    texts = [*titles, *(frame_text(one) for one in shapes if not TITLE.search(one))]
    for kind, target in relations(archive, path).values():
        if kind.endswith("/notesSlide") and target in archive:
            notes = "\n".join(filter(None, map(frame_text, shapes_in(text_of(archive, target)))))
            texts.append(f"Notes: {notes}" if notes else "")
    text = "\n\n".join(filter(None, texts))
    title = single_line(next(filter(None, titles), ""))[:200] or None
    return Part(text, Location(label=f"slide {number}", heading=title), title) if text else None


def shapes_in(xml: str) -> list[str]:
    """Return the shapes and tables of a slide in their order, without its number, date and the like."""
    _, *parts = SHAPE.split(xml)
    shapes = [
        f"<p:{name}{body.split(f'</p:{name}>', 1)[0]}" for name, body in zip(parts[::2], parts[1::2], strict=True)
    ]
    return [shape for shape in shapes if not FURNITURE.search(shape)]


def frame_text(xml: str) -> str:
    """Return the text of a shape or table."""
    if not TEXT_FRAME.search(xml):
        return ""
    return (
        "".join(part.text for part in fragments(renamed(xml, NAMES, DROPPED), xhtml=True)).strip().replace("\n\n", "\n")
    )


def relations(archive: Archive, path: str) -> dict[str, tuple[str, str]]:
    """Return kind and target of what a part of the archive refers to, by its id."""
    folder, name = posixpath.split(path)
    file = f"{folder}/_rels/{name}.rels"
    if file not in archive:
        return {}
    found = {}
    for name, node in elements(text_of(archive, file)):
        if name == "relationship":
            target = node.attributes.get("target") or ""
            resolved = (
                target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
            )
            found[node.attributes.get("id") or ""] = (node.attributes.get("type") or "", resolved)
    return found


def text_of(archive: Archive, path: str) -> str:
    """Return a part of the archive as text."""
    return decode_markup(archive.read(path))[0]
