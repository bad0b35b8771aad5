"""What is read again for a question: how the document begins and ends, its headings, and the passages that fit."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from freqkv_cli.answering.verification import claims, is_in
from freqkv_cli.errors import UsageError
from freqkv_cli.location import title_of
from freqkv_cli.reading.session import Session
from freqkv_cli.retrieval.passage import Passage
from freqkv_cli.retrieval.retriever import Retriever
from freqkv_cli.retrieval.table import TABLES

REQUEST_ROOM = 60  # tokens for a question with what stands around it, beside the question itself
EDGE = 400  # characters of the first and of the last passage
OUTLINE = 600  # characters of the list of headings
COUNTED = 900  # characters of what a table or a log comes to
# A line that was broken for its length, not for its sense: a small model reads "two thousand" before the break as all.
WRAPPED = re.compile(r"(?<=[^\n|\t]{40})\n(?=[^\W_])")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was read again. `passages` are those that fit the question, the best first; `left_out` those without room.

    `edges` are what the frame quotes besides: the first and the last passage, what a table comes to, lines of a log.
    `text` is how it is put to the model: the frame of the document, then the passages, the best last, where a model
    looks most.
    """

    text: str
    passages: list[Passage]
    edges: list[Passage]
    left_out: int = 0


def gather(session: Session, queries: Sequence[str], room: int) -> Evidence:
    """Return the evidence for a question, the first of `queries`, that fits beside `room` tokens for all else.

    Raises UsageError where not one passage fits.
    """
    retriever = session.retriever
    assert retriever is not None
    frame = describe(retriever)
    count = session.settings.recall
    named = retriever.named(queries[0], count)
    ranked = [*named, *(hit.passage for hit in retriever.find(queries, count + len(named)) if hit.passage not in named)]
    # Where somebody is named most often nobody says who that is: the first passage with each name is read, too.
    introduced = [one for one in retriever.introducing(queries[0]) if one not in named][: count // 2]
    wanted = list(dict.fromkeys([*ranked[: len(named) + 1], *introduced, *ranked]))[:count]
    free = left_beside(session, room) - session.count_tokens(frame)
    taken: list[Passage] = []
    for passage in wanted:
        free -= session.count_tokens(shown(passage)) + 2
        if free < 0:
            break
        taken.append(passage)
    if wanted and not taken:
        raise UsageError(
            "no passage can be read again beside the question and the answer: shorten the question or --max-tokens, "
            "give a larger --cache-size, or --recall 0"
        )
    # The best is read last, and what only introduces first; a part that was named is read from its beginning.
    taken.sort(key=lambda one: ranked.index(one) if one in ranked else len(ranked))
    in_order = [one for one in taken if one not in named][::-1] + [one for one in taken if one in named]
    text = "\n\n".join([frame, *map(shown, in_order)])
    index = retriever.index
    edges = [index[place] for place in dict.fromkeys((0, len(index) - 1))] if len(index) else []
    quoted = [one for one in edges if one not in taken]
    if counted := retriever.table.passage:
        quoted.append(counted)
    quoted += [unusual.line for unusual in retriever.log.unusual(index, COUNTED)]
    return Evidence(text, taken, quoted, len(wanted) - len(taken))


def counted(session: Session, question: str, room: int) -> Evidence | None:
    """Return what tables come to as evidence of its own, or those of their rows whose values a question names.

    None where it names something else, or a single row, where there are other documents (records are often talk) or all
    rows are in one passage, and where it does not fit beside `room` tokens.

    Beside rows that have the words of a question a small model does not look at what was counted (docs/experiments.md).
    """
    retriever = session.retriever
    assert retriever is not None
    table, language = retriever.table, retriever.index.language
    if not {document.kind for document in retriever.documents} <= TABLES or len(retriever.index) < 2:
        return None
    if table.names_row(question, language):
        return None
    where = table.named_in(question, language)
    known = "\n".join([*table.told(""), *chain.from_iterable(where.values())])
    if not all(is_in(claim, known) for claim in claims(question)):
        return None
    passage = (retriever.selected(where) if where else table).passage
    if passage is None:
        return None
    columns = "" if where else f"Columns: {', '.join(table.columns)}\n\n"
    text = f"{titles_of(retriever)}\n\n{columns}{passage.text}"
    return Evidence(text, [passage], []) if session.count_tokens(text) <= left_beside(session, room) else None


def left_beside(session: Session, room: int) -> int:
    """Return how many tokens of evidence fit into a cache beside the instruction and `room` tokens."""
    return session.cache.geometry.cache_size - len(session.prompt.prefix) - room


def shown(passage: Passage) -> str:
    """Return a passage as it is put to a model, with the heading it stands under."""
    heading = passage.heading
    text = passage.text if passage.location.has_rows else WRAPPED.sub(" ", passage.text)
    return text if not heading or text.startswith(heading) else f"[{heading}]\n{text}"


def titles_of(retriever: Retriever) -> str:
    """Return what each document is called, by whom and of when it is, as far as its file says so."""
    parts = []
    for document in retriever.documents:
        said = getattr(document, "metadata", None)
        facts = [("Title", said.title), ("Author", said.author), ("Date", said.date)] if said else []
        lines = [f"{name}: {value}" for name, value in facts if value]
        parts.append("\n".join([f"Document: {document.name}", *lines]))
    return "\n\n".join(parts)


def describe(retriever: Retriever, beginning: int = EDGE) -> str:
    """Return what a document is, in its own words: metadata, headings, what a table comes to, how it begins, in about
    `beginning` characters, and how it ends.
    """
    parts = [titles_of(retriever)]
    if titles := [title_of(entry.title) for entry in retriever.outline]:
        parts.append(f"Headings ({len(titles)}): {shortened('; '.join(titles), OUTLINE)}")
    if retriever.table.is_table:
        parts.append(shortened(retriever.table.text(""), COUNTED))  # names of rows are for the rows
    if unlike := retriever.log.unusual(retriever.index, COUNTED):
        unusual = "\n".join(line.text for line in unlike)
        parts.append(f"{retriever.log.total:,} lines of a log; those least like the rest:\n{unusual}")
    if len(retriever.index):
        first, length = [], 0
        for passage in retriever.index:
            first.append(shown(passage))
            length += len(first[-1])
            if length >= beginning:
                break
        begins = shortened("\n\n".join(first), beginning)
        parts.append(f"Beginning of the document:\n{begins}")
    if len(retriever.index) > 1:
        parts.append(f"End of the document:\n{retriever.index[len(retriever.index) - 1].text[-EDGE:]}")
    return "\n\n".join(parts)


def shortened(text: str, length: int) -> str:
    """Return the beginning of a text, and that it goes on."""
    return text if len(text) <= length else f"{text[:length].rsplit(None, 1)[0]} ..."
