"""Text from documents, file names and models is shown, never obeyed: all that is printed of it passes through here."""

import re

# C0, DEL and C1, but newline and tab: ESC starts colours, cursor moves and worse, and so does U+009B here and there.
CONTROLS = "\x00-\x08\x0b-\x1f\x7f-\x9f"
# What turns the direction of the text around it, so that it reads as something else: marks, embeddings, isolates.
DIRECTIONS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
# What has no width, so that words differ which look alike. Variation selectors stay: they choose a shape.
ZERO_WIDTH = "\u00ad\u034f\u180e\u200b\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb\U0001bca0-\U0001bca3"
ZERO_WIDTH += "\U0001d173-\U0001d17a\U000e0000-\U000e00ff"
HIDDEN = re.compile(f"[{CONTROLS}{DIRECTIONS}{ZERO_WIDTH}]")
# Joiners make letters of Persian and Hindi and emoji what they are; beside Latin letters they are only hidden.
JOINERS = re.compile("(?<=[\\x00-\u05ff])[\u200c\u200d]+|[\u200c\u200d]+(?=[\\x00-\u05ff])")
BREAKS = re.compile("[\u2028\u2029]")


def printable(text: str) -> str:
    """The text without what a terminal would act on or a reader cannot see: control characters, marks that turn its
    direction around, characters without width. Newlines and tabs stay.
    """
    return JOINERS.sub("", HIDDEN.sub("", BREAKS.sub("\n", text)))


def one_line(text: str) -> str:
    """The printable text on a single line."""
    return " ".join(printable(text).split())


def escaped(json_text: str) -> str:
    """JSON in which what `printable` leaves out is written as escapes."""
    return HIDDEN.sub(_escape, json_text)


def _escape(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
