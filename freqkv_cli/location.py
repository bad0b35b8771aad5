"""Locations: where in a document a piece of text stands, so that a person can find it again."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Location:
    """One place, or a stretch from one place to another. All numbers count from 1; what is not known is None.

    `page` is the place of a PDF page in its file, `page_label` what is printed on it ("iv", "A-3") where that differs.
    `part` is one of the files or sections that a document without pages comes in. `first_line` and `last_line` count
    what `unit` says: lines of a text, rows of a table, records, slides or messages. `label` is a place in words:
    a sheet, a time, the date of a message. `heading` is the title under which the text stands, with those above it
    ("Costs > Rent"); it is not part of `text` where anything else is known.
    """

    page: int | None = None
    page_label: str | None = None
    part: int | None = None
    first_line: int | None = None
    last_line: int | None = None
    unit: str = "line"
    label: str | None = None
    heading: str | None = None

    @property
    def text(self) -> str:
        """The place as a citation says it: "p. 12", "p. iv (4)", "lines 3-9", "sheet Costs, rows 2-9", "slide 4"."""
        if self.page is not None:
            return f"p. {self.page}" if self.page_label is None else f"p. {self.page_label} ({self.page})"
        parts = [self.label] if self.label else []
        if self.first_line is not None:
            parts.append(span(self.unit, self.first_line, self.last_line or self.first_line))
        if parts:
            return ", ".join(parts)
        return self.heading or f"part {self.part or 1}"

    @property
    def has_rows(self) -> bool:
        """Whether each line there stands for itself: rows, records, or lines with a label such as a time."""
        return self.unit != "line" or self.label is not None

    def __str__(self) -> str:
        return self.text

    def to(self, end: "Location") -> "Location":
        """Return the stretch from here to `end`: its last line, and this place for all that has no lines."""
        counted_alike = self.unit == end.unit and (self.unit == "line" or self.label == end.label)  # rows: in a sheet
        if self.first_line is None or end.first_line is None or not counted_alike:
            return self
        return replace(self, last_line=max(self.last_line or self.first_line, end.last_line or end.first_line))


def title_of(heading: str) -> str:
    """Return the title itself, without those above it: "Rent" of "Costs > Rent"."""
    return heading.rsplit(" > ", 1)[-1]


def span(unit: str, first: int, last: int) -> str:
    """Return "line 3" or "lines 3-9"."""
    return f"{unit} {first}" if first == last else f"{unit}s {first}-{last}"
