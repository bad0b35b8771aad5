"""Sections: fragments of markup put together under their headings."""

from collections.abc import Iterable, Iterator

from freqkv_cli.documents.markup.html_lines import Fragment
from freqkv_cli.documents.parts import Part
from freqkv_cli.location import Location


def sections(fragments: Iterable[Fragment], title: str | None = None) -> Iterator[Part]:
    """Yield each heading with what stands under it; the place is the path of headings, `title` where there is none."""
    path: list[tuple[int, str]] = []
    texts: list[str] = []
    heading: str | None = None
    has_body = False

    def part() -> Part:
        above = " > ".join(text for _, text in path)
        return Part("".join(texts).strip("\n"), Location(heading=above or title), heading or title)

    for fragment in fragments:
        if fragment.heading is not None:
            if has_body:
                yield part()
                texts, has_body, heading = [], False, None
            path = [one for one in path if one[0] < fragment.level] + [(fragment.level, fragment.heading)]
            heading = heading if texts and heading else fragment.heading
        has_body = has_body or fragment.heading is None
        texts.append(fragment.text)
    if texts:
        yield part()


def shares(parts: Iterable[Part]) -> Iterator[tuple[Part, float]]:
    """Yield parts with the share of all their text that is given with each."""
    held = list(parts)
    total = sum(len(part.text) for part in held) or 1
    given = 0
    for part in held:
        given += len(part.text)
        yield part, given / total
