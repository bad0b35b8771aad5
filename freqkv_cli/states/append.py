"""Texts that have grown, or are read further: which kept state is of the beginning of a text."""

from collections.abc import Sequence
from pathlib import Path

from freqkv_cli.documents.document import Document
from freqkv_cli.documents.stored_document import StoredDocument
from freqkv_cli.reading.text_digest import TextDigest
from freqkv_cli.states.manifest import Manifest
from freqkv_cli.states.state_cache import Place, list_kept

GROWING = ("text", "markdown")


def grown_from(documents: Sequence[Document], place: Place) -> list[tuple[Path, Manifest]]:
    """Return the states, read in the same way, of texts that the one document begins with; the longest first."""
    document = documents[0]
    if len(documents) > 1:
        return []
    candidates = [
        (kept.manifest.characters, kept.manifest, kept.path)
        for kept in list_kept()
        if kept.manifest is not None
        and kept.manifest.complete
        and kept.path.stem.split("-")[1:] == place.name.split("-")[1:]
        and kept.manifest.characters > 0
        and [(old.kind, old.encoding) for old in kept.manifest.documents] == [(document.kind, document.encoding)]
        and is_earlier(kept.manifest.documents[0], document)
    ]
    lengths = {length for length, _, _ in candidates}
    prints = prefix_digests(document, sorted(lengths)) if lengths else {}
    grown = [(path, one) for length, one, path in candidates if prints.get(length) == one.digest]
    return sorted(grown, key=lambda pair: pair[1].characters, reverse=True)


def is_earlier(old: StoredDocument, new: Document) -> bool:
    """Return whether a text may begin with one that was read: a shorter file, or less of the same one."""
    return old.sha256 == new.sha256 or (new.kind in GROWING and old.byte_count < new.byte_count)


def prefix_digests(document: Document, lengths: Sequence[int]) -> dict[int, str]:
    """Return the digests of the first characters of a text, for each of `lengths`, which ascend, that it has.

    Pages that stand apart are read whole, so a length that ends within one has none.
    """
    digest, position, found = TextDigest(), 0, {}
    waiting = list(lengths)
    for page in document.pages():
        text = page.text
        while waiting and waiting[0] <= position + len(text):
            cut = waiting[0] - position
            if page.first_line is None and cut < len(text):
                waiting.pop(0)
                continue
            digest.add(text[:cut])
            position, text = waiting.pop(0), text[cut:]
            found[position] = digest.hexdigest()
        if not waiting:
            break
        digest.add(text)
        position += len(text)
    return found
