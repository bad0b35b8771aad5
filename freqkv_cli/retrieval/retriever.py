"""What is kept of the text while reading goes on: passages, on disk, to be found again; and the names that occur."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from freqkv_cli.documents.document import Document
from freqkv_cli.documents.page import Page
from freqkv_cli.documents.stored_document import StoredDocument
from freqkv_cli.retrieval.index import Hit, PassageIndex
from freqkv_cli.retrieval.passage import Passage, PassageSplitter
from freqkv_cli.retrieval.question import question_words
from freqkv_cli.retrieval.vocabulary import Vocabulary

# A question that the document may answer: what it takes of its words in one passage, less what no passage has; more
# words leave less to chance. Fitted to the questions that the project may be tuned on (docs/experiments.md).
COVERAGE, MISSING, WORD, LEAST = 5.0, -2.0, 0.4, 4.1
QUANTITY = ("mani", "much", "old", "long")  # stems that say what kind of number is asked for


@dataclass(slots=True)
class Found:
    """What was looked up for one question: the passages, the best first.

    `likely`: whether the document seems to speak of what is asked at all.
    """

    hits: list[Hit]
    likely: bool

    def led_by(self, passage: Passage) -> "Found":
        """Return the same with a passage that certainly speaks of what is asked before all others."""
        others = [hit for hit in self.hits if hit.passage.index != passage.index]
        best = max((hit.score for hit in self.hits), default=1.0)
        return Found([Hit(passage, best, 1.0), *others], likely=True)


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

    def find(self, question: str, passages: int) -> Found:
        """Look a question up; return the best `passages`."""
        hits = self.index.search(question, passages)
        return Found(hits, is_likely(question, hits, self.index))


def is_likely(question: str, hits: Sequence[Hit], index: PassageIndex) -> bool:
    """Return whether a document speaks of what a question asks, by how many of the question's words it has."""
    rarities = index.rarities(question_words(question))
    absent = {stem for stem in rarities if not index.has_stem(stem)}
    # "How many goats?" can be answered by a text without "many".
    counted = {stem: rarity for stem, rarity in rarities.items() if stem not in absent.intersection(QUANTITY)}
    total = sum(counted.values())
    if not hits or not total:
        return False
    coverage = max(hit.coverage for hit in hits) * sum(rarities.values()) / total
    missing = sum(rarity for stem, rarity in counted.items() if stem in absent) / total
    return COVERAGE * coverage + MISSING * missing + WORD * len(counted) >= LEAST
