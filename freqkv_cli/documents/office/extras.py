"""What an office file holds besides its text: comments, headers, charts, embedded files; counted by kind."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from freqkv_cli.documents.archive import Archive
from freqkv_cli.documents.reader import Findings


@dataclass(frozen=True, slots=True)
class Extra:
    """A kind of what is left out: `mark` as often as it stands in the members called so, or without it each of them."""

    kind: str
    members: str
    mark: bytes | None = None
    once: bool = False  # a member counts once, however often the mark stands in it


COMMENTS, CHARTS, DIAGRAMS, EMBEDDED = "comments", "charts", "diagrams", "embedded files"
HEADERS, DELETED, PICTURES = "headers and footers", "deletions", "pictures"
OF_WORD = (
    Extra(COMMENTS, r"word/comments\.xml", rb"<w:comment\s"),
    Extra(HEADERS, r"word/(?:header|footer)\d*\.xml", rb"<w:t[\s/>]", once=True),
    Extra(DELETED, r"word/document\.xml", rb"<w:del(?:\s[^<>]*[^/<>])?>"),
    Extra(CHARTS, r"word/charts/chart\d*\.xml"),
    Extra(DIAGRAMS, r"word/diagrams/data\d*\.xml"),
    Extra(EMBEDDED, r"word/embeddings/[^/]+"),
    Extra(EMBEDDED, r"word/document\.xml", rb"<w:altChunk\s"),
)
OF_SLIDES = (
    Extra(COMMENTS, r"ppt/comments/[^/]+\.xml", rb"<p\d*:cm\s"),
    Extra(CHARTS, r"ppt/charts/chart\d*\.xml"),
    Extra(DIAGRAMS, r"ppt/diagrams/data\d*\.xml"),
    Extra(EMBEDDED, r"ppt/embeddings/[^/]+"),
)
OF_SHEETS = (
    Extra(COMMENTS, r"xl/comments[^/]*\.xml|xl/comments/[^/]+\.xml", rb"<comment\s"),
    Extra(PICTURES, r"xl/drawings/drawing\d*\.xml", rb"<xdr:pic>"),
    Extra("text boxes", r"xl/drawings/drawing\d*\.xml", rb"<xdr:txBody>"),
    Extra(CHARTS, r"xl/charts/chart\d*\.xml"),
    Extra(EMBEDDED, r"xl/embeddings/[^/]+"),
)
OF_OPEN_DOCUMENTS = (
    Extra(COMMENTS, r"content\.xml", rb"<office:annotation[\s/>]"),
    Extra(HEADERS, r"styles\.xml", rb"<style:(?:header|footer)(?:-left|-first)?>\s{0,9}<text:[^<>]{0,200}[^/<>]>"),
    Extra(DELETED, r"content\.xml", rb"<text:deletion[\s/>]"),
    Extra(PICTURES, r"content\.xml", rb"<draw:image[\s/>]"),
    Extra("charts, formulas and embedded files", r"content\.xml", rb"<draw:object(?:-ole)?[\s/>]"),
)


def count_extras(archive: Archive, extras: Sequence[Extra], findings: Findings) -> None:
    """Count what is not in the text, each member unpacked once; what is damaged counts as none, as whatever reads the
    text says so.
    """
    for name in archive.names():
        meant = [extra for extra in extras if re.fullmatch(extra.members, name)]
        marks = {extra: re.compile(extra.mark, re.DOTALL) for extra in meant if extra.mark is not None}
        counts = archive.count(name, list(marks.values())) if marks else []
        marked = dict(zip(marks, counts, strict=True))
        for extra in meant:
            found = marked.get(extra, 1)
            findings.leave_out(extra.kind, min(1, found) if extra.once else found)
