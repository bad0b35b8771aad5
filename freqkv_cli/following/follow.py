"""Follow a text without an end: read it as it comes, and save at intervals; memory and state have a size that is kept.

The cache has its slots. What is kept of the text, to be looked up, is the newest `keep` characters; what lies before
them is in the memory alone.
"""

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from freqkv_cli.config import Settings
from freqkv_cli.documents.clean import remove_controls
from freqkv_cli.documents.page import Page
from freqkv_cli.documents.records.log import with_times
from freqkv_cli.documents.stored_document import StoredDocument
from freqkv_cli.errors import UsageError
from freqkv_cli.events import Done, Event, Note, Progress
from freqkv_cli.following.tail import FileTail, StreamTail, Tail
from freqkv_cli.reading.open_session import load_session
from freqkv_cli.reading.plan import make_plan
from freqkv_cli.reading.progress import memory_figures
from freqkv_cli.reading.prompt import encode_text
from freqkv_cli.reading.report import answer_report
from freqkv_cli.reading.session import Session
from freqkv_cli.reading.token_stream import TokenStream
from freqkv_cli.reading.writing import Answer
from freqkv_cli.retrieval.retriever import Retriever
from freqkv_cli.states.manifest import read_manifest
from freqkv_cli.states.opening import open_state
from freqkv_cli.states.read import check_target
from freqkv_cli.states.state_file import reader_of, save_state

EVERY = 30.0  # seconds between two saves
KEEP = 32 * 10**6  # characters of the newest text that are kept
WAIT = 1.0  # seconds in which something may come before the clock is looked at
SPARE = 1.25  # times `keep` that may be held before the oldest is let go


@dataclass(slots=True)
class Followed:
    """How far a text has been followed; what a state keeps of it to go on. Lines count from 1, `time` is the last."""

    line: int = 1
    inode: int = 0
    offset: int = 0
    time: str | None = None


@dataclass(slots=True)
class Follower:
    """Reads blocks of lines into a session, and saves it. `characters` are those of the passages held."""

    session: Session
    name: str
    target: Path
    keep: int
    at: Followed = field(default_factory=Followed)
    characters: int = 0
    settled: int = 0  # tokens of the blocks that were read to their end

    def take(self, block: bytes, tail: Tail) -> Generator[Event, None, None]:
        """Read whole lines."""
        session, at = self.session, self.at
        text = remove_controls(block.decode("utf-8", "replace").replace("\r\n", "\n"))
        for size in session.engine.prefill(session.cache, iter(encode_text(session.loaded.tokenizer, text))):
            session.so_far.tokens += size
            yield self.progress()
        page, time_now = with_times(Page(text, 1, at.line), at.time)
        assert session.retriever is not None
        if text.strip():
            self.characters += sum(len(one.text) for one in session.retriever.add(0, page))
        self.at = Followed(at.line + text.count("\n"), tail.inode, tail.offset, time_now)
        self.settled = session.tokens_read
        if self.characters > SPARE * self.keep:
            self.let_go()

    def let_go(self) -> None:
        """Keep the newest passages alone."""
        retriever = self.session.retriever
        assert retriever is not None
        retriever.finish()
        kept, length = [], 0
        for passage in reversed(list(retriever.index)):
            length += len(passage.text)
            if length > self.keep:
                break
            kept.append(passage)
        renewed = Retriever(retriever.documents)
        renewed.restore(replace(passage, index=index) for index, passage in enumerate(reversed(kept)))
        retriever.index.close()
        self.session.so_far.retriever, self.characters = renewed, min(length, self.keep)

    def save(self) -> int:
        """Write the state, whole or not at all, and return its bytes. Raises OSError."""
        session = self.session
        retriever, stream = session.so_far.retriever, session.so_far.stream
        assert retriever is not None
        assert stream is not None
        self.characters += sum(len(one.text) for one in retriever.finish())
        stream.tokens = [session.tokens_read]
        stream.documents = retriever.documents = [document_of(self.name, self.at.offset, session.tokens_read)]
        at = self.at
        extra = {"follow": {"line": at.line, "inode": at.inode, "offset": at.offset, "time": at.time}}
        return save_state(session, self.target, extra=extra, dtype=session.settings.state_dtype)

    def stop(self) -> None:
        """Save what was read to its end; a block that was stopped in its middle is read again by who goes on."""
        session = self.session
        if session.cache.truncate(len(session.prompt.prefix) + self.settled):
            session.so_far.tokens = self.settled
            self.save()

    def progress(self) -> Progress:
        """Return how far it has come."""
        session = self.session
        return Progress(
            "reading",
            source=self.name,
            detail=f"{self.at.line - 1:,} lines",
            tokens_done=session.tokens_read,
            seconds=time.perf_counter() - session.timing.started,
            **memory_figures(session.cache),
        )


def follow(
    source: str,
    settings: Settings,
    target: Path,
    every: float = EVERY,
    keep: int = KEEP,
    *,
    pipe: StreamTail | None = None,
    command: str = "follow",
) -> Iterator[Event]:
    """Follow a file, or `pipe` where the source is "-", and save into `target` every so many seconds.

    A state that is there is gone on with. It ends with the stream, or with KeyboardInterrupt, and saves then. Raises
    UsageError where `target` is no state of a text that was followed, InputError where there is no such file.
    """
    check_target(target, force=False)
    began = time.perf_counter()
    follower = yield from started(source, settings, target, keep, began)
    at = follower.at
    tail: Tail = pipe if pipe is not None else FileTail(Path(source), at.inode, at.offset)
    last, saved_at = time.monotonic(), -1
    try:
        while (block := tail.read(min(WAIT, every))) is not None:
            if block:
                yield from follower.take(block, tail)
            else:
                yield follower.progress()
            if time.monotonic() - last >= every and saved_at != follower.at.line:
                follower.save()
                last, saved_at = time.monotonic(), follower.at.line
        follower.save()
    except KeyboardInterrupt:
        follower.stop()
        yield Note(f"stopped at line {follower.at.line - 1:,}: the same command goes on from there", wanted=True)
        raise
    yield Done(answer_report(command, follower.session, Answer(), lines=follower.at.line - 1))


def started(source: str, settings: Settings, target: Path, keep: int, began: float) -> Generator[Event, None, Follower]:
    """Return a follower that has read nothing, or what `target` holds."""
    name = "stdin" if source == "-" else source
    at = Followed()
    if target.exists():
        known = read_manifest(target).extra.get("follow")
        if not isinstance(known, dict):
            raise UsageError(f"{target} is the state of a document that has an end: name another file with -o")
        session = yield from open_state(target, settings, began)
        session.so_far.restored = None  # it grows from here on
        at = Followed(**known)
    else:
        plan = yield from make_plan(settings)
        session = yield from load_session(plan, settings, began)
        session.so_far.reader = reader_of(plan)
        session.so_far.retriever = Retriever([document_of(name, 0, 0)])
        session.engine.read(session.cache, session.prompt.prefix)
    assert session.retriever is not None
    documents, tokenizer = session.retriever.documents, session.loaded.tokenizer
    session.so_far.stream = TokenStream(documents, tokenizer, tokens=[session.tokens_read])
    characters = sum(len(passage.text) for passage in session.retriever.index)
    return Follower(session, name, target, keep, at, characters, session.tokens_read)


def document_of(name: str, byte_count: int, tokens: int) -> StoredDocument:
    """Return the text as a state knows it."""
    return StoredDocument(
        name=name,
        kind="log",
        sha256="",
        byte_count=byte_count,
        page_count=None,
        has_pages=False,
        encoding="utf-8",
        empty_pages=[],
        bad_pages={},
        warnings=[],
        tokens=tokens,
    )
