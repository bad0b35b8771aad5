"""Headings of plain formats that are read block by block: Markdown, reStructuredText, LaTeX."""

import re
from typing import Literal

from freqkv_cli.documents.clean import single_line

Style = Literal["markdown", "rst", "latex"]

ATX_MARK = re.compile(r" {0,3}(#{1,6})[ \t]")
FENCE = re.compile(r" {0,3}(```|~~~)")
UNDERLINE = re.compile(r"([=\-~^\"'`:.*+#<>_])\1{2,}\s*$")
LATEX_SECTION = re.compile(
    r"\s*\\(part|chapter|section|subsection|subsubsection|paragraph)\*?\s*(?:\[[^\]]*\])?\{(.+)\}"
)
LATEX_LEVELS = ("part", "chapter", "section", "subsection", "subsubsection", "paragraph")
TITLE_LIMIT = 200  # characters


class Headings:
    """The headings of a text that is given block by block, and the path of those that stand above each other."""

    def __init__(self, style: Style = "markdown") -> None:
        self._style = style
        self._path: list[tuple[int, str]] = []
        self._fence: str | None = None
        self._inside_line = False
        self._before = ""  # the last line of the block before
        self._underlines: list[str] = []  # in reStructuredText the order in which they are met is that of the levels

    @property
    def title(self) -> str | None:
        """The last heading so far."""
        return self._path[-1][1] if self._path else None

    @property
    def path(self) -> str | None:
        """The last heading with those above it."""
        return " > ".join(title for _, title in self._path) or None

    def read(self, text: str) -> tuple[str | None, list[tuple[int, str | None]]]:
        """Return the heading that the next block starts with, else the last one before it; and its places.

        A place is the character at which a heading begins, and the path of headings from there on; the first is at 0.
        """
        first, blank_so_far = self.title, True
        places: list[tuple[int, str | None]] = [(0, self.path)]
        at = 0
        for index, line in enumerate(text.split("\n")):
            if (index > 0 or not self._inside_line) and (found := self._heading(line)):
                level, title, is_above = found
                self._path = [one for one in self._path if one[0] < level] + [(level, title)]
                begin = max(0, at - len(self._before) - 1) if is_above else at
                if begin == 0:
                    places.clear()
                places.append((begin, self.path))
                first = title if blank_so_far or (is_above and not text[:begin].strip()) else first
            blank_so_far = blank_so_far and not line.strip()
            self._before = line
            at += len(line) + 1
        self._inside_line = bool(text) and not text.endswith("\n")
        return first, places

    def _heading(self, line: str) -> tuple[int, str, bool] | None:
        """Return level and title of a heading that ends with this line, and whether the title is the line above."""
        if self._style == "latex":
            match = LATEX_SECTION.match(line)
            return (LATEX_LEVELS.index(match[1]), single_line(match[2])[:TITLE_LIMIT], False) if match else None
        if self._style == "markdown":
            if fence := FENCE.match(line):
                if self._fence is None:
                    self._fence = fence[1]
                elif self._fence == fence[1]:
                    self._fence = None
            if self._fence is None and (title := atx_title(line)):
                mark = ATX_MARK.match(line)
                return (len(mark[1]) if mark else 1), title, False
            return None
        title = single_line(self._before)
        underline = UNDERLINE.match(line)
        if not underline or not title or len(line.rstrip()) < len(title) or UNDERLINE.match(self._before):
            return None
        if underline[1] not in self._underlines:
            self._underlines.append(underline[1])
        return self._underlines.index(underline[1]), title[:TITLE_LIMIT], True


def atx_title(line: str) -> str | None:
    """Return the title of a line such as "## Title ##", None for any other line."""
    if (mark := ATX_MARK.match(line)) is None:
        return None
    title = single_line(line[mark.end() :])
    unmarked = title.rstrip("#")
    return (unmarked.rstrip() if unmarked.endswith(" ") or not unmarked else title) or None
