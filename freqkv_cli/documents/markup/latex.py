"""LaTeX: the lines of a source without comments, preamble and commands; their numbers stay."""

import re
import unicodedata
from collections.abc import Callable

from freqkv_cli.documents.reader import Findings

COMMENT = re.compile(r"(?<!\\)%.*$")
EXTRAS = {
    "comments": COMMENT,
    "pictures": re.compile(r"\\includegraphics\b"),
    "files of \\input": re.compile(r"\\(?:input|include|subfile)\b"),
}
ACCENTS = {"'": "\u0301", '"': "\u0308", "^": "\u0302", "`": "\u0300", "~": "\u0303", "c": "\u0327", "v": "\u030c"}
ACCENT = re.compile(r"\\(?:([\"'^`~])\s*|([cv])(?=\{|\s)\s*)(?:\{\\?([A-Za-z])\}|\\?([A-Za-z]))")
SPECIAL = {r"\ss": "ß", r"\ae": "æ", r"\oe": "œ", r"\o": "ø", r"\l": "ł", r"\aa": "å", r"\AA": "Å", r"\O": "Ø"}
LETTER = re.compile(r"\\(ss|ae|oe|aa|AA|o|O|l)(?:\{\}|\s+|(?![A-Za-z]))")
HIDDEN = re.compile(
    r"\\(?:label|index|vspace|hspace|includegraphics|bibliographystyle|bibliography|pagestyle)\*?(?:\[[^\]]*\])*\{[^{}]*\}"
)
CITED = re.compile(r"\\(?:cite[a-z]*|ref|eqref|pageref|autoref)\*?(?:\[[^\]]*\])*\{([^{}]*)\}")
LINK = re.compile(r"\\href\{([^{}]*)\}\{([^{}]*)\}")
ENVIRONMENT = re.compile(r"\\(?:begin|end)\{[^{}]*\}(?:\[[^\]]*\])?(?:\{[^{}]*\})?")
WITH_TEXT = re.compile(r"\\[A-Za-z]+\*?(?:\[[^\]]*\])?\{([^{}]*)\}")
ESCAPED = re.compile(r"\\([%&$#_{}])")
NESTING = 4  # commands in commands that are unwrapped
SAID_IN_PREAMBLE = re.compile(r"\s*\\(?:title|author|date|subtitle)\b")


def line_cleaner(findings: Findings) -> Callable[[str], str]:
    """Return a function from each line of a document, in order, to its text; lines without any become empty."""
    in_body: bool | None = None  # None until it is known that there is a preamble

    def clean_line(line: str) -> str:
        nonlocal in_body
        if in_body is None and r"\documentclass" in line:
            in_body = False
        if in_body is False:
            if r"\begin{document}" in line:
                in_body = True
                line = line.partition(r"\begin{document}")[2]
            elif not SAID_IN_PREAMBLE.match(line):
                return ""
        if "\\" in line or "%" in line:
            for kind, mark in EXTRAS.items():
                findings.leave_out(kind, len(mark.findall(line)))
        return text_of(line)

    return clean_line


def text_of(line: str) -> str:
    """Return what a line of LaTeX says; formulas stay as they are written but for their commands' backslashes."""
    if "\\" not in line and "%" not in line and "~" not in line and "``" not in line and "&" not in line:
        return line
    line = COMMENT.sub("", line)
    line = ACCENT.sub(accented, line)
    line = LETTER.sub(lambda match: SPECIAL[f"\\{match[1]}"], line)
    line = HIDDEN.sub("", line)
    line = LINK.sub(r"\2 (\1)", CITED.sub(r"[\1]", line))
    line = re.sub(r"\\item\s*(?:\[([^\]]*)\])?", lambda match: f"- {match[1] or ''}".rstrip() + " ", line)
    line = ENVIRONMENT.sub("", line)
    line = re.sub(r"(?<![\\\s])\s*&\s*", "\t", line)
    for _ in range(NESTING):
        line, count = WITH_TEXT.subn(r"\1", line)
        if not count:
            break
    line = re.sub(r"\\\\(?:\[[^\]]*\])?", " ", line)
    escaped = ESCAPED.sub(lambda match: f"\x00{ord(match[1]):02x}", line)
    escaped = re.sub(r"\\([A-Za-z]+)", r"\1", escaped).replace("~", " ").replace("``", "\u201c").replace("''", "\u201d")
    escaped = re.sub(r"[{}]", "", escaped)
    line = re.sub(r"\x00([0-9a-f]{2})", lambda match: chr(int(match[1], 16)), escaped)
    return line.replace("---", "\u2014").rstrip()


def accented(match: re.Match[str]) -> str:
    """Return a letter with its accent."""
    accent, letter = ACCENTS[match[1] or match[2]], match[3] or match[4]
    return unicodedata.normalize("NFC", letter + accent)
