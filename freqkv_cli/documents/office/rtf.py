"""RTF, read by striprtf: paragraphs and the rows of tables."""

import re
from collections.abc import Iterator

from freqkv_cli.documents.clean import clean, single_line
from freqkv_cli.documents.metadata import Metadata
from freqkv_cli.documents.parts import Part, PartsReader, explained
from freqkv_cli.documents.reader import Findings
from freqkv_cli.documents.source import Source
from freqkv_cli.errors import InputError
from freqkv_cli.location import Location

WHAT = "RTF document"
BYTE_LIMIT = 64 << 20
INFO = re.compile(r"\{\\(title|author)\s+([^{}\\]{1,300})\}")
ROW = re.compile(r"(?m)^(.*\|.*)\|[ \t]*$")
FOOTNOTE = re.compile(
    rb"\{(?:\\\*)?\\footnote\b(?:\\ftnalt\b)?"
)  # striprtf drops such a group; it is read where its sign stands
EXTRAS = {
    "pictures": rb"\\pict\b",
    "headers and footers": rb"\{\\(?:header|footer)[lrf]?\b",
    "comments": rb"\\annotation\b",
    "text boxes": rb"\\shptxt\b",
    "formulas": rb"\\mmath\b",
    "embedded files": rb"\\objdata\b",
}
HEAD = 16 * 1024


def open_rtf(source: Source) -> PartsReader:
    """Return the reader of an RTF document; raise InputError for one that is too large."""
    if source.byte_count > BYTE_LIMIT:
        raise InputError(f"{source.label} is larger than {BYTE_LIMIT >> 20} MB, too large for RTF: save it as text")
    said = {key: single_line(value) for key, value in INFO.findall(source.head(HEAD).decode("latin-1"))}

    def parts(findings: Findings) -> Iterator[tuple[Part, float]]:
        from striprtf.striprtf import rtf_to_text

        with source.opened() as stream:
            data = stream.read()
        for kind, mark in EXTRAS.items():
            findings.leave_out(kind, len(re.findall(mark, data)))
        text = clean(rtf_to_text(FOOTNOTE.sub(b"{", data).decode("latin-1"), errors="replace"))
        text = ROW.sub(lambda match: match[1].replace("|", "\t"), text).strip()
        yield Part(text, Location(part=1)), 1.0

    with explained(source, WHAT):
        return PartsReader(source, WHAT, parts, metadata=Metadata(said.get("title"), said.get("author")))
