"""Front matter: what a text says of itself between two lines of dashes at its beginning; it is text too."""

import re

from freqkv_cli.documents.clean import single_line
from freqkv_cli.documents.metadata import Metadata

BLOCK = re.compile(
    r"\ufeff?(?:---|\+\+\+)[ \t]*\r?\n(.{0,20000}?)\r?\n(?:---|\.\.\.|\+\+\+)[ \t]*\r?(?:\n|$)", re.DOTALL
)
# Plain values of YAML and TOML, and the fields at the head of a reStructuredText.
FIELD = re.compile(r"^:?([A-Za-z]{2,20}):?[ \t]*[:=]?[ \t]+(\S.{0,300}?)[ \t]*\r?$", re.MULTILINE)
LATEX = re.compile(r"^\s*\\(title|author|date)\{(.{1,300})\}\s*$", re.MULTILINE)
NAMES = {
    "author": ("author", "authors", "by"),
    "date": ("date", "created", "published"),
    "language": ("lang", "language"),
}


def front_matter(start: str, style: str | None) -> Metadata:
    """Return the metadata that the beginning of a text states, all None where it states none."""
    if style == "latex":
        fields = dict(LATEX.findall(start))
    elif block := BLOCK.match(start):
        fields = {name.lower(): value for name, value in reversed(FIELD.findall(block[1]))}
    else:
        return Metadata()

    def said(*names: str) -> str | None:
        values = (single_line(fields[name]).strip("\"'[]") for name in names if name in fields)
        return next((value for value in values if value and value not in ("|", ">", "\\today")), None)

    return Metadata(said("title"), said(*NAMES["author"]), said(*NAMES["date"]), said(*NAMES["language"]))
