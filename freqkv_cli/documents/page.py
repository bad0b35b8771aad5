"""One page: a piece of a document with its place."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Page:
    """A piece of text that is never empty and is free of control characters but newline and tab, with its place.

    `number` counts from 1: PDF pages, EPUB spine items, or the blocks of a text without pages. `first_line` counts from
    1 and is known for plain text and Markdown only. `heading` is the title under which the page starts, when known.
    Pages with a `first_line` join to the whole text without a seam; the others stand apart and end without a newline.
    """

    text: str
    number: int
    first_line: int | None
    heading: str | None = None
