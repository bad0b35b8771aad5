"""Lines of logs: each with its time, and those that are least like the rest.

What a log repeats is routine, and it is most of it; what somebody looks for has often been written once.
"""

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from math import log

from freqkv_cli.documents.records.log import TIME
from freqkv_cli.retrieval.index import PassageIndex
from freqkv_cli.retrieval.language import words_of
from freqkv_cli.retrieval.passage import Passage

NUMBER = re.compile(r"\S*\d\S*")  # with what it is a part of: a time, a name with a number, a size
MOST_KINDS = 50_000  # of lines that are held at once; of more than these the half that is most like the rest is let go


def lines_of(passage: Passage) -> list[Passage]:
    """Return each line of a passage of a log with its own place; one without a time has that of the line before."""
    place, lines = passage.location, []
    for number, line in enumerate(passage.text.split("\n")):
        match = TIME.match(line)
        first = None if passage.location.first_line is None else passage.location.first_line + number
        place = replace(place, label=match[1] if match else place.label, first_line=first, last_line=first)
        lines.append(replace(passage, text=line, location=place))
    return lines


def kind_of(line: str) -> str:
    """Return a line without its numbers: what lines have in common that a program writes in one place."""
    return NUMBER.sub("", line)


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of a log: of `count` that are alike but for their numbers the last; `since` is the first of them."""

    line: Passage
    count: int
    since: Passage

    @property
    def text(self) -> str:
        """The line as it is put to a model."""
        if self.count == 1:
            return self.line.text
        return f"{self.line.text} (the last of {self.count:,} like it, the first at {self.since.location.label})"


@dataclass(slots=True)
class LineKind:
    """How many lines are alike, and where the first and the last of them stand: passage, and line of it."""

    count: int
    first: tuple[int, int]
    last: tuple[int, int]


@dataclass(slots=True)
class LogProfile:
    """Takes the passages of a log, and tells which lines are least like the rest.

    How unlike the rest a kind of lines is: the mean over its words of the information that each gives, which is minus
    the logarithm of the share of lines that have it; without the word that gives most, as that may be anybody's name in
    a line of routine. `total` is the number of lines that have a time.
    """

    total: int = 0
    kinds: dict[str, LineKind] = field(default_factory=dict)
    _let_go: Counter[str] = field(default_factory=Counter)  # in how many lines of kinds that were let go a word stood
    _ranked: list[str] | None = None  # of what has been added: a question asks for it twice

    def add(self, passage: Passage) -> None:
        """Take the lines of a passage; those without a time go on from one that has it."""
        for number, line in enumerate(passage.text.split("\n")):
            if TIME.match(line) is None:
                continue
            self.total += 1
            here = passage.index, number
            if (kind := self.kinds.get(name := kind_of(line))) is None:
                self.kinds[name] = LineKind(1, here, here)
            else:
                kind.count, kind.last = kind.count + 1, here
        self._ranked = None
        if len(self.kinds) > MOST_KINDS:
            for name in self._by_information()[MOST_KINDS // 2 :]:
                count_words_of(name, self.kinds.pop(name).count, self._let_go)

    def ranked(self) -> list[str]:
        """Return the kinds of lines, those least like the rest first."""
        if self._ranked is None:
            self._ranked = self._by_information()
        return self._ranked

    def _by_information(self) -> list[str]:
        held = Counter(self._let_go)
        for name, kind in self.kinds.items():
            count_words_of(name, kind.count, held)

        def information(name: str) -> float:
            told = sorted(log(self.total / held[word]) for word in set(words_of(name)))[:-1]
            return sum(told) / max(1, len(told))

        return sorted(self.kinds, key=information, reverse=True)

    def unusual(self, index: PassageIndex, most: int) -> list[LogLine]:
        """Return a line of each of the kinds that are least like the rest, in the order of the log, in at most `most`
        characters.
        """

        def line_at(place: tuple[int, int]) -> Passage:
            return lines_of(index[place[0]])[place[1]]

        found: dict[tuple[int, int], LogLine] = {}
        for name in self.ranked():
            kind = self.kinds[name]
            line = found[kind.last] = LogLine(line_at(kind.last), kind.count, line_at(kind.first))
            most -= len(line.text) + 1
            if most < 0:
                del found[kind.last]
                break
        return [found[place] for place in sorted(found)]


def count_words_of(kind: str, lines: int, into: Counter[str]) -> None:
    """Count each word of a kind of lines as often as there are lines."""
    for word in set(words_of(kind)):
        into[word] += lines
