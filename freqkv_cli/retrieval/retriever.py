"""What is kept of the text while reading goes on: passages, on disk, to be found again, and the headings met."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from freqkv_cli.documents.document import Document
from freqkv_cli.documents.page import Page
from freqkv_cli.documents.stored_document import StoredDocument
from freqkv_cli.location import title_of
from freqkv_cli.retrieval.index import FUSION, Hit, PassageIndex
from freqkv_cli.retrieval.language import NOUNS_ARE_CAPITAL, detect_language, words_of
from freqkv_cli.retrieval.log_lines import LogProfile
from freqkv_cli.retrieval.passage import Passage, PassageSplitter
from freqkv_cli.retrieval.table import TableProfile

# How a question names a page in the languages that freqkv answers in; headings are known by their own words.
PAGE = re.compile(
    r"\b(?:pages?|p\.|pp\.|seiten?|s\.|p\u00e1ginas?|pagin[ae]|pagina's|strona|sida|side)\s*(\d+)|\u7b2c\s*(\d+)\s*\u9875",
    re.I,
)
NUMBER = re.compile(r"\d+")
# A name in a question: words with capital letters that stand together, but for the word it begins with.
NAME = re.compile(r"(?<!^)\b[^\W\d_a-z][\w-]+(?:\.?\s[^\W\d_a-z][\w-]+)*")


@dataclass(frozen=True, slots=True)
class OutlineEntry:
    """A heading, and the first passage under it."""

    title: str
    passage: int


@dataclass(slots=True)
class Retriever:
    """Takes pages as they are read; `finish` when the last document is through."""

    documents: Sequence[Document | StoredDocument]
    index: PassageIndex = field(default_factory=PassageIndex)
    outline: list[OutlineEntry] = field(default_factory=list)
    table: TableProfile = field(default_factory=TableProfile)
    _splitter: PassageSplitter | None = None
    _log: tuple[int, LogProfile] | None = None

    def add(self, number: int, page: Page) -> list[Passage]:
        """Take a page of document `number`, from 0; return the passages that are complete with it."""
        complete = []
        if self._splitter is None or self._splitter.document != number:
            complete = self.finish()
            self._splitter = PassageSplitter(number, first_index=len(self.index))
        return complete + self._keep(self._splitter.add(page))

    def restore(self, passages: Iterable[Passage]) -> None:
        """Take what another retriever kept, in the same order."""
        self._keep(passages)

    def finish(self) -> list[Passage]:
        """Take what is left of the document at hand, and return it."""
        left = self._keep(self._splitter.finish()) if self._splitter else []
        self._splitter = None
        return left

    def find(self, queries: Sequence[str], count: int) -> list[Hit]:
        """Return the `count` passages that fit best, the best first; each query ranks all passages, and the rankings
        are fused.
        """
        if len(queries) == 1:
            return self.index.search(queries[0], count)
        scores: dict[int, float] = {}
        found: dict[int, Passage] = {}
        for query in queries:
            for rank, hit in enumerate(self.index.search(query, 3 * count), 1):
                found[hit.passage.index] = hit.passage
                scores[hit.passage.index] = scores.get(hit.passage.index, 0.0) + 1 / (FUSION + rank)
        best = sorted(scores, key=lambda index: (-scores[index], index))[:count]
        return [Hit(found[index], scores[index]) for index in best]

    def named(self, question: str, most: int) -> list[Passage]:
        """Return the first `most` passages of the page or the section that a question names by its number or title."""
        if match := PAGE.search(question):
            number = int(match[1] or match[2])
            on_page = [passage for passage in self.index if number == passage.location.page]
            if on_page:
                return on_page[:most]
        asked = set(words_of(question))
        for place, entry in enumerate(self.outline):
            if names(asked, entry.title):
                end = self.outline[place + 1].passage if place + 1 < len(self.outline) else len(self.index)
                return [self.index[index] for index in range(entry.passage, min(end, entry.passage + most))]
        return []

    def introducing(self, question: str) -> list[Passage]:
        """Return the first passage with each name of a question, which tells most often who or what that is."""
        names = [name for name in NAME.findall(question) if name[0].isupper()]
        if detect_language(question) in NOUNS_ARE_CAPITAL:
            names = [name for name in names if " " in name]
        places = [self.index.first_with(name) for name in dict.fromkeys(names)]
        return [self.index[place] for place in dict.fromkeys(places) if place is not None]

    @property
    def log(self) -> LogProfile:
        """What the lines of logs come to; nothing for other documents. It is made when it is asked for."""
        if self._log is None or self._log[0] != len(self.index):
            self._log = len(self.index), LogProfile()
            logs = {number for number, document in enumerate(self.documents) if document.kind == "log"}
            for passage in self.index if logs else ():
                if passage.document in logs:
                    self._log[1].add(passage)
        return self._log[1]

    def selected(self, where: dict[str, list[str]]) -> TableProfile:
        """Return what those rows of the tables come to that have one of these values in these columns."""
        profile = TableProfile(where=where)
        for passage in self.index:
            profile.add(passage, self.documents[passage.document].kind)
        return profile

    def _keep(self, passages: Iterable[Passage]) -> list[Passage]:
        kept = []
        for passage in passages:
            self.index.add(passage)
            self.table.add(passage, self.documents[passage.document].kind)
            if passage.heading and (not self.outline or self.outline[-1].title != passage.heading):
                self.outline.append(OutlineEntry(passage.heading, passage.index))
            kept.append(passage)
        return kept


def names(asked: set[str], title: str) -> bool:
    """Return whether a question with the words `asked` names a section: by its number, if the title has one, with the
    word beside it ("Chapter 3"), or by two or more words that are its whole title.
    """
    words = words_of(title_of(title))
    if words and NUMBER.fullmatch(words[0]):
        return words[0] in asked and len(asked & set(words[1:])) > 0
    if len(words) > 1 and NUMBER.fullmatch(words[1]):
        return {words[0], words[1]} <= asked
    return len(words) > 1 and set(words) <= asked
