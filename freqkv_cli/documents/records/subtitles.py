"""Subtitles (SRT, WebVTT): what is said, without numbers and markup, and when."""

import html
import re
from collections.abc import Iterator

from freqkv_cli.documents.encoding import Encoding, decoded
from freqkv_cli.documents.parts import Part, PartsReader, joined
from freqkv_cli.documents.reader import Findings
from freqkv_cli.documents.source import Source
from freqkv_cli.errors import InputError
from freqkv_cli.location import Location

BYTE_LIMIT = 32 << 20
CUES = 60  # of one part
TIMING = re.compile(
    r"^[ \t]*(?:(\d{1,3}):)?(\d{1,2}):(\d{2})[.,]\d{1,3}\s*-->\s*(?:\d{1,3}:)?\d{1,2}:\d{2}[.,]\d{1,3}[^\n]*$", re.M
)
VOICE = re.compile(r"<v(?:\.[\w.]+)?\s+([^<>]{1,100})>")
MARKUP = re.compile(r"<[^<>]{0,200}>|\{\\[^{}]{0,200}\}")
NOTES = re.compile(r"^NOTE\b", re.MULTILINE)
NOTE = re.compile(r"^(?:NOTE|STYLE|REGION)\b")


def open_subtitles(source: Source, encoding: Encoding) -> PartsReader:
    """Return the reader of a file of subtitles; raise InputError for one that is too large."""
    if source.byte_count > BYTE_LIMIT:
        raise InputError(f"{source.label} is larger than {BYTE_LIMIT >> 20} MB, too large for subtitles: split it")

    def parts(findings: Findings) -> Iterator[tuple[Part, float]]:
        findings.leave_out("byte sequences that do not fit the encoding", encoding.replaced)
        text = "".join(decoded(source, encoding.name, encoding.errors))
        findings.leave_out("notes", len(NOTES.findall(text)))
        found = list(cues(text))
        for start in range(0, len(found), CUES):
            lines = [(text, Location(label=time)) for time, text in found[start : start + CUES]]
            if part := joined(lines):
                yield part, min(1.0, (start + CUES) / len(found))

    return PartsReader(
        source, "file of subtitles", parts, encoding=encoding.name, warnings=filter(None, [encoding.warning])
    )


def is_subtitles(start: str) -> bool:
    """Whether a text begins like subtitles: a WebVTT mark, or a number and a pair of times."""
    return (
        start.lstrip("\ufeff").startswith("WEBVTT")
        or re.match(r"\ufeff?\s*\d+\s*\n\s*\d+:\d{2}:\d{2},\d{1,3}\s*-->", start) is not None
    )


def cues(text: str) -> Iterator[tuple[str, str]]:
    """Yield time, as 00:10:30, and text of each cue, on one line; a text that was shown just before is not repeated."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    before = ""
    timings = list(TIMING.finditer(text))
    for timing, following in zip(timings, [*timings[1:], None], strict=False):
        end = following.start() if following else len(text)
        paragraphs = text[timing.end() : end].strip("\n").split("\n\n")
        # Behind the text stands the number, or name, of the next cue.
        said = [one for one in paragraphs if not NOTE.match(one)][:1]
        if following and len(paragraphs) == 1 and said:
            said = [re.sub(r"\n\s*\d+\s*$", "", said[0])]
        shown = " ".join(spoken(line) for line in "".join(said).split("\n")).strip()
        if shown and shown != before:
            hours, minutes, seconds = (int(part or 0) for part in timing.groups())
            yield f"{hours:02}:{minutes:02}:{seconds:02}", shown
        before = shown


def spoken(line: str) -> str:
    """Return a line without markup, with the name of the voice before it."""
    return html.unescape(MARKUP.sub("", VOICE.sub(r"\1: ", line))).strip()
