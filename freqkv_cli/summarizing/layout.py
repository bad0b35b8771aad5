"""How a summary and its notes are laid out: as prose, as Markdown or as a list, with places."""

import re
from collections.abc import Sequence

from freqkv_cli.answering.reply import marked, place_of
from freqkv_cli.reading.session import Session
from freqkv_cli.retrieval.language import detect_language
from freqkv_cli.summarizing.notes import SectionNote
from freqkv_cli.summarizing.summary import Summary

NOTES_HEADING = re.compile(r"\n+(?:## )?Notes\n\n(?=- )")


def summary_text(session: Session, summary: Summary) -> str:
    """Return a summary as it is printed; what is not found in the documents is marked."""
    lines = []
    last = ""
    language = detect_language(" ".join(one.sentence for one in summary.sentences))
    for one in summary.sentences:
        place = place_of(session, one.passage)
        shown = f" [{place}]" if place != last else ""
        last = place
        lines.append(f"{one.sentence}{marked(one.missing, language)}{shown}")
    if session.settings.format == "text":
        return " ".join(lines)
    return "\n".join(f"- {line}" for line in lines)


def notes_text(notes: Sequence[SectionNote], format: str, several: bool) -> str:
    """Return the outline: each note with its section and place."""
    heading = "\n\n## Notes\n\n" if format == "markdown" else "\n\nNotes\n\n"
    lines = []
    for note in notes:
        label = f"{note.document}, {note.label}" if several else note.label
        lines.append(f"- {f'**{label}**' if format == 'markdown' else label}: {note.text}\n")
    return heading + "".join(lines)


def without_notes(text: str) -> str:
    """Return a summary without the outline that `notes_text` may have put below it."""
    *_, end = [len(text), *(match.start() for match in NOTES_HEADING.finditer(text))]
    return text[:end]
