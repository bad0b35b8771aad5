"""What changed between two versions of a document, told by sections: sentences that came, went or are others."""

import difflib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from freqkv_cli.documents.document import Document
from freqkv_cli.documents.page import Page
from freqkv_cli.events import Done, Event, Note, Text
from freqkv_cli.location import title_of
from freqkv_cli.retrieval.sentences import split_sentences
from freqkv_cli.retrieval.until import key_of, page_headings

ALIKE = 0.6  # likeness from which on a sentence, or a section of another title, is a changed one and not a new one


@dataclass(slots=True)
class TitledSection:
    """What stands under one heading: its sentences, and where it begins."""

    title: str
    place: str
    sentences: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SectionChange:
    """What became of a section: `kind` is added, removed or changed; `sentences` are pairs of old and new, None where
    there is none. Places are None in the version that lacks it.
    """

    kind: str
    title: str
    old_place: str | None
    new_place: str | None
    sentences: list[tuple[str | None, str | None]]

    def as_json(self) -> dict[str, Any]:
        """Return it as an object of the report."""
        return {
            "kind": self.kind,
            "title": self.title,
            "old_place": self.old_place,
            "new_place": self.new_place,
            "sentences": [{"old": old, "new": new} for old, new in self.sentences],
        }


def diff(old: Document, new: Document) -> Iterator[Event]:
    """Compare two documents: the changes as Text, then the report."""
    began = time.perf_counter()
    sections = [sections_of(document) for document in (old, new)]
    changes = list(changed_sections(*sections))
    for warning in (*old.warnings, *new.warnings):
        yield Note(warning, warning=True)
    text = told(changes)
    yield Text(text)
    counts = {kind: sum(one.kind == kind for one in changes) for kind in ("added", "removed", "changed")}
    yield Done(
        {
            "schema_version": 1,
            "command": "diff",
            "text": text,
            "finish_reason": "stop",
            "input": [{"path": one.name, "type": one.kind, "left_out": one.left_out} for one in (old, new)],
            "sections": [len(one) for one in sections],
            **counts,
            "changes": [one.as_json() for one in changes],
            "timing": {"total_s": round(time.perf_counter() - began, 3)},
        }
    )


def sections_of(document: Document) -> list[TitledSection]:
    """Return the sections of a document by its headings, the first with what stands before any; its title is empty."""
    found = [TitledSection("", "")]
    known: str | None = None
    for page in document.pages():
        headings = list(page_headings(page, known))
        known = next((title for title, _, guessed in reversed(headings) if not guessed), known)
        starts = [(0, None), *((offset, title) for title, offset, _ in headings)]
        ends = [offset for offset, _ in starts[1:]] + [len(page.text)]
        for (start, title), end in zip(starts, ends, strict=True):
            if title is not None:
                found.append(TitledSection(title, page.locate(start, end).text))
            found[-1].place = found[-1].place or page.locate(start, max(start + 1, end)).text
            found[-1].sentences += sentences_of(page, page.text[start:end], title)
    return [one for one in found if one.title or one.sentences]


def sentences_of(page: Page, text: str, title: str | None) -> list[str]:
    """Return the sentences of a piece of a page, white space alike and without its heading; where lines are rows, its
    lines.
    """
    places = [page.location, *(place for _, place in page.marks)]
    rows = any(place and place.has_rows for place in places)
    first, _, rest = text.lstrip().partition("\n")
    if title is not None and key_of(first) == key_of(title_of(title)):
        text = rest
    pieces = text.split("\n") if rows else split_sentences(" ".join(text.split()))
    return [one for piece in pieces if (one := " ".join(piece.split()))]


def changed_sections(old: Sequence[TitledSection], new: Sequence[TitledSection]) -> Iterator[SectionChange]:
    """Yield the sections that are not the same, in the order of the new version, with what went where it stood."""
    names = [[" ".join(key_of(title_of(one.title))) for one in version] for version in (old, new)]
    matcher = difflib.SequenceMatcher(None, names[0], names[1], autojunk=False)
    for step, first, last, begin, end in matcher.get_opcodes():
        if step == "equal":
            pairs: list[tuple[TitledSection | None, TitledSection | None]] = list(
                zip(old[first:last], new[begin:end], strict=True)
            )
        else:
            pairs = paired(old[first:last], new[begin:end])
        for before, after in pairs:
            if (change := change_of(before, after)) is not None:
                yield change


def paired(
    old: Sequence[TitledSection], new: Sequence[TitledSection]
) -> list[tuple[TitledSection | None, TitledSection | None]]:
    """Return sections with other titles in pairs where their text is alike, else each for itself."""
    left = list(old)
    pairs: list[tuple[TitledSection | None, TitledSection | None]] = []
    for after in new:
        before = next((one for one in left if alike(one.sentences, after.sentences) >= ALIKE), None)
        if before is not None:
            pairs += [(one, None) for one in left[: left.index(before)]]
            del left[: left.index(before) + 1]
        pairs.append((before, after))
    return pairs + [(one, None) for one in left]


def change_of(old: TitledSection | None, new: TitledSection | None) -> SectionChange | None:
    """Return what changed between two versions of a section, None for nothing."""
    before, after = old.sentences if old else [], new.sentences if new else []
    sentences = changed_sentences(before, after)
    if not sentences and old and new and title_of(old.title) == title_of(new.title):
        return None
    kind = "changed" if old and new else "added" if new else "removed"
    title = new.title if new else old.title if old else ""
    if old and new and old.title != new.title:
        title = f"{old.title} -> {new.title}"
    return SectionChange(kind, title, old.place if old else None, new.place if new else None, sentences)


def changed_sentences(old: Sequence[str], new: Sequence[str]) -> list[tuple[str | None, str | None]]:
    """Return the sentences that differ; one that is like an old one stands beside it."""
    found: list[tuple[str | None, str | None]] = []
    for step, first, last, begin, end in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if step == "equal":
            continue
        left = list(old[first:last])
        for after in new[begin:end]:
            best = max(left, key=lambda one: alike(one, after), default=None)
            if best is not None and alike(best, after) >= ALIKE:
                left.remove(best)
                found.append((best, after))
            else:
                found.append((None, after))
        found += [(one, None) for one in left]
    return found


def alike(one: Sequence[Any], other: Sequence[Any]) -> float:
    """Return how alike two sentences, or two lists of them, are, 0 to 1."""
    return difflib.SequenceMatcher(None, one, other, autojunk=False).ratio()


def told(changes: Sequence[SectionChange]) -> str:
    """Return the changes as text: a line for each section, below it its sentences behind - and +."""
    blocks = []
    for change in changes:
        places = " -> ".join(dict.fromkeys(one for one in (change.old_place, change.new_place) if one))
        heading = f"{change.title} [{places}]" if change.title and places != change.title else change.title or places
        lines = [f"{change.kind}: {heading}"]
        for old, new in change.sentences:
            lines += [f"- {old}"] if old is not None else []
            lines += [f"+ {new}"] if new is not None else []
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) or "no difference in the text"
