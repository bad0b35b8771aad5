"""freqkv from Python: read documents once, ask often. The commands run the same tasks; docs/api.md shows how to use it.

Settings are those of the command line, by the names they have there: `read("book.pdf", cache_size=2048)`. What goes
wrong is a FreqkvError (freqkv_cli/errors.py) whose message says what to do.
"""

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from freqkv_cli.answering.answer import answer_question
from freqkv_cli.answering.ask_many import answer_all
from freqkv_cli.answering.conversation import Conversation
from freqkv_cli.answering.question_list import Question
from freqkv_cli.answering.reply import Reply, reply_report
from freqkv_cli.config import Settings, field_named, parse_given
from freqkv_cli.documents import Document, open_documents
from freqkv_cli.documents.state_reader import STATE_KIND
from freqkv_cli.errors import FreqkvError, StateError, UsageError
from freqkv_cli.events import Answered, Done, Event, Text, run_to_end
from freqkv_cli.reading.session import Session
from freqkv_cli.states.opening import open_reading
from freqkv_cli.states.saving import save_reading
from freqkv_cli.summarizing.summarize import summarize as summarize_documents

__all__ = ["Answered", "Chat", "FreqkvError", "Reading", "Reply", "Text", "load", "read", "summarize"]

Name = str | os.PathLike[str]
OnEvent = Callable[[Event], object]


def read(*sources: Name, on_event: OnEvent | None = None, password: str | None = None, **settings: Any) -> "Reading":
    """Read documents, or a state file, from start to end.

    `on_event` is told how it goes. Raises FreqkvError: UsageError, InputError, NoTextError, ModelError, StateError,
    MemoryLimitError.
    """
    chosen = chosen_settings(settings)
    with ExitStack() as stack:
        return _reading(_opened(sources, chosen, password, stack), chosen, on_event, stack)


def load(state: Name, *, on_event: OnEvent | None = None, **settings: Any) -> "Reading":
    """Take up what `Reading.save` or `freqkv read` kept in a file. Raises StateError when it is none, and as `read`."""
    chosen = chosen_settings(settings)
    with ExitStack() as stack:
        documents = _opened((state,), chosen, None, stack)
        if documents[0].kind != STATE_KIND:
            raise StateError(f"{state} is no state of freqkv: read() reads documents")
        return _reading(documents, chosen, on_event, stack)


def summarize(*sources: Name, on_event: OnEvent | None = None, password: str | None = None, **settings: Any) -> str:
    """Read documents and return their summary. Raises as `read`."""
    chosen = chosen_settings(settings)
    with ExitStack() as stack:
        documents = _opened(sources, chosen, password, stack)
        for event in summarize_documents(documents, chosen):
            if on_event is not None:
                on_event(event)
            if isinstance(event, Done):
                return str(event.report["text"])
    raise AssertionError("a task ends with Done")


class Reading:
    """What was read, ready to be asked; a context manager that frees what was kept on disk meanwhile.

    Nothing that is asked changes it. `session` is what the tasks work with.
    """

    def __init__(self, session: Session, opened: ExitStack) -> None:
        self.session = session
        self._opened = opened

    @property
    def warnings(self) -> list[str]:
        """What should be known of the reading, one line each."""
        return list(self.session.warnings)

    def ask(self, question: str) -> Reply:
        """Answer a question; `text`, `answer`, `citations`, `found` of the reply say what came of it."""
        return run_to_end(answer_question(self.session.apart(), question))

    def stream(self, question: str) -> Iterator[Event]:
        """Answer a question as events: Text as it is written, notes, progress, and all of it at the end as Answered."""
        return streamed(self.session, question, answer_question(self.session.apart(), question))

    def ask_all(self, questions: Iterable[str]) -> Iterator[dict[str, Any]]:
        """Answer questions one after another, each by itself: JSON objects as of `freqkv ask --questions --jsonl`."""
        numbered = (Question(number, text) for number, text in enumerate(questions, 1))
        for event in answer_all(self.session, numbered):
            if isinstance(event, Answered):
                yield event.report

    def chat(self) -> "Chat":
        """Begin a conversation, in which a question may lean on the one before it."""
        return Chat(self.session)

    def save(self, path: Name) -> int:
        """Keep what was read in a file, for `load` and for the commands; return its bytes."""
        return save_reading(self.session, Path(path))

    def close(self) -> None:
        """Delete what was kept on disk; nothing can be asked then."""
        if self.session.retriever is not None:
            self.session.retriever.index.close()
        self._opened.close()

    def __enter__(self) -> "Reading":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class Chat:
    """Questions that follow each other."""

    def __init__(self, session: Session) -> None:
        self.conversation = Conversation(session)

    def ask(self, question: str) -> Reply:
        """Answer a question in the light of those before it."""
        return run_to_end(self.conversation.ask(question))

    def stream(self, question: str) -> Iterator[Event]:
        """The same as events; see `Reading.stream`."""
        return streamed(self.conversation.session, question, self.conversation.ask(question))

    def reset(self) -> None:
        """Forget the earlier questions and answers."""
        self.conversation.reset()


def chosen_settings(given: dict[str, Any]) -> Settings:
    """The settings from keyword arguments, as they could also be typed. Raises UsageError for what cannot be."""
    values = {}
    for name, value in given.items():
        field = field_named(name)
        if field not in Settings.__dataclass_fields__:
            raise UsageError(f"there is no setting {name}: freqkv config show lists them")
        values[field] = parse_given(name, value)
    return Settings(**values)


def streamed(session: Session, question: str, reply: Generator[Event, None, Reply]) -> Iterator[Event]:
    """The events of an answer, and Answered at the end."""
    given = yield from reply
    yield Answered({"question": question, **reply_report(session, given)})


def _reading(documents: Sequence[Document], settings: Settings, on_event: OnEvent | None, stack: ExitStack) -> Reading:
    """Read what is open on `stack`, which the Reading then closes."""
    session = run_to_end(open_reading(documents, settings), on_event)
    return Reading(session, stack.pop_all())


def _opened(sources: Sequence[Name], settings: Settings, password: str | None, stack: ExitStack) -> list[Document]:
    if not sources:
        raise UsageError("no document: name at least one")
    documents = open_documents(
        [os.fspath(source) for source in sources],
        pages=settings.pages,
        encoding=settings.encoding,
        kind=settings.kind,
        ocr=settings.ocr,
        recursive=settings.recursive,
        net=lambda address: settings.allow_net,
        password=lambda name: password,
    )
    for document in documents:
        stack.enter_context(document)
    return documents
