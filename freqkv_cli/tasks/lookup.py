"""What is kept of the text while reading goes on: passages, on disk, to be found again; and the names that occur."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from freqkv_cli.documents.document import Document
from freqkv_cli.documents.page import Page
from freqkv_cli.recall.index import Hit, PassageIndex
from freqkv_cli.recall.passage import Passage, PassageSplitter
from freqkv_cli.recall.quotes import Quote, best_quotes
from freqkv_cli.recall.vocabulary import Vocabulary
from freqkv_cli.tasks.manifest import StoredDocument

KNOWN = 0.5  # share of a question's words, weighted by rarity, that one passage must hold


@dataclass(slots=True)
class Found:
    """What was looked up for one question: the passages, and the sentences of them that fit it, the best first."""

    hits: list[Hit]
    quotes: list[Quote]

    @property
    def likely(self) -> bool:
        """Whether the document seems to speak of what is asked at all."""
        return any(hit.coverage >= KNOWN for hit in self.hits)


@dataclass(slots=True)
class Lookup:
    """Takes pages as they are read; `finish` when the last document is through."""

    documents: Sequence[Document | StoredDocument]
    index: PassageIndex = field(default_factory=PassageIndex)
    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    _splitter: PassageSplitter | None = None

    def add(self, number: int, page: Page) -> None:
        """Take a page of document `number`, from 0."""
        if self._splitter is None or self._splitter.document != number:
            self.finish()
            self._splitter = PassageSplitter(
                number, first_index=len(self.index), has_pages=self.documents[number].has_pages
            )
        for passage in self._splitter.add(page):
            self.index.add(passage)
        self.vocabulary.add(page.text)

    def restore(self, passages: Iterable[Passage]) -> None:
        """Take what another lookup kept, in the same order."""
        for passage in passages:
            self.index.add(passage)
            self.vocabulary.add(passage.text)

    def finish(self) -> None:
        """Take what is left of the document at hand."""
        for passage in self._splitter.finish() if self._splitter else ():
            self.index.add(passage)
        self._splitter = None

    def find(self, question: str, passages: int, quotes: int = 0) -> Found:
        """Look a question up in the best `passages`; return them and their best `quotes` sentences."""
        hits = self.index.search(question, passages)
        return Found(hits, best_quotes(question, hits, self.index, quotes) if quotes else [])
