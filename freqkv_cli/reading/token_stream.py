"""The documents as one lazy stream of token ids, counted per document."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from freqkv_cli.documents.document import Document
from freqkv_cli.documents.page import Page
from freqkv_cli.documents.stored_document import StoredDocument
from freqkv_cli.reading.prompt import encode_text
from freqkv_cli.reading.text_digest import TextDigest


@dataclass(slots=True)
class TokenStream:
    """Iterate to get ids; a page is extracted and tokenised only when its first token is asked for.
    `on_page` is told of each page and the number of its document before that.

    seams: characters of the first document after which tokens begin anew, because its text once ended there.
    tokens: ids produced so far, per document. current, page: where the stream stands. digest: of the text of the
    pages so far.
    """

    documents: Sequence[Document | StoredDocument]
    tokenizer: Any
    on_page: Callable[[int, Page], object] = lambda number, page: None
    seams: Sequence[int] = ()
    tokens: list[int] = field(default_factory=list)
    current: int = 0
    page: int = 0
    digest: TextDigest = field(default_factory=TextDigest)

    def __iter__(self) -> Iterator[int]:
        for index, document in enumerate(self.documents):
            self.current = index
            self.tokens.append(0)
            if len(self.documents) > 1:
                yield from self._count(f"\n\n# {document.name}\n\n")
            for page in document.pages():
                self.page = page.number
                self.on_page(index, page)
                # Blocks of a pageless text join up without a seam; pages are apart.
                if page.first_line is None:
                    yield from self._count(f"{page.text}\n\n")
                else:
                    for text in self._cut_at_seams(page.text):
                        yield from self._count(text)
                self.digest.add(page.text)

    @property
    def characters(self) -> int:
        """Characters of the pages so far."""
        return self.digest.characters

    @property
    def total(self) -> int:
        """Ids produced so far, over all documents."""
        return sum(self.tokens)

    @property
    def finished(self) -> bool:
        """Whether the last document has been read to its end."""
        return self.current == len(self.documents) - 1 and self.documents[self.current].progress() >= 1.0

    def estimated_total(self) -> int | None:
        """Ids of all documents, guessed from the share of the sources read and their sizes; None before any."""
        sizes = [document.byte_count for document in self.documents]
        here = self.documents[self.current]
        read = sum(sizes[: self.current]) + here.progress() * sizes[self.current]
        return round(self.total * sum(sizes) / read) if read else None

    def _cut_at_seams(self, text: str) -> Iterator[str]:
        inside = [seam - self.characters for seam in self.seams if 0 < seam - self.characters < len(text)]
        for start, end in pairwise((0, *inside, len(text))):
            yield text[start:end]

    def _count(self, text: str) -> Iterator[int]:
        ids = encode_text(self.tokenizer, text)
        self.tokens[self.current] += len(ids)
        return iter(ids)
