"""Search for passages of a document that no model has read: what the method "passages" answers from."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from freqkv_cli.documents.document import Document
from freqkv_cli.retrieval.index import PassageIndex
from freqkv_cli.retrieval.passage import split_passages

Search = Callable[[str, int], Sequence[str]]  # question, how many -> texts of the best passages, the best first


@contextmanager
def open_search(document: Document) -> Iterator[Search]:
    """Give a search over the passages of `document`; its index is deleted at the end."""
    with PassageIndex() as index:
        for passage in split_passages(document.pages(), has_pages=document.has_pages):
            index.add(passage)
        yield lambda question, count: [hit.passage.text for hit in index.search(question, count)]
