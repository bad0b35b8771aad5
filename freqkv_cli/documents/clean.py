"""Cleaning: what a model and a terminal must not see is removed, everything else stays exactly as it was written."""

import re

# C0 without tab and newline, DEL, C1, soft hyphen, byte order marks in both orders
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\ufeff\ufffe]")
SURROGATES = re.compile("[\ud800-\udfff]")
LINE_END_HYPHEN = re.compile(r"(?<![\w-])([^\W\d_]{2,})(-|\u2010) ?\n([^\W\d_]{2,})(?![\w-])")
LINE_END_SOFT_HYPHEN = re.compile("\u00ad ?\n")


def clean(text: str) -> str:
    """Return `text` with newlines as "\\n", without control characters, and always encodable as UTF-8."""
    return remove_controls(text.replace("\r\n", "\n").replace("\r", "\n"))


def remove_controls(text: str) -> str:
    """Return `text` without control characters but newline and tab; halves of surrogate pairs become U+FFFD."""
    if SURROGATES.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return CONTROLS.sub("", text)


def join_hyphenated(text: str) -> str:
    """Return `text` with words that were hyphenated at a line end made whole.

    Only a lowercase continuation is joined, and no word that has another hyphen. A word that the same text writes
    with a hyphen elsewhere ("non-free") keeps it.
    """

    def join(match: re.Match[str]) -> str:
        first, hyphen, second = match.groups()
        if not second[0].islower() or first.isupper():
            return match.group()
        kept = f"{first}{hyphen}{second}"
        return kept if kept in text else first + second

    return LINE_END_HYPHEN.sub(join, LINE_END_SOFT_HYPHEN.sub("", text))


def single_line(text: str) -> str:
    """Return a title as one clean line: words with one space between them."""
    return " ".join(clean(text).split())
