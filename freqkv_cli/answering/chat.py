"""Read documents, then answer questions about them that follow each other."""

from collections.abc import Generator, Iterator, Sequence

from freqkv_cli.answering.ask_many import answered
from freqkv_cli.answering.conversation import Conversation
from freqkv_cli.answering.question_list import Question
from freqkv_cli.config import Settings
from freqkv_cli.documents.document import Document
from freqkv_cli.events import Answered, Done, Event
from freqkv_cli.reading.report import answer_report
from freqkv_cli.reading.writing import Answer
from freqkv_cli.states.opening import open_reading


def open_chat(documents: Sequence[Document], settings: Settings) -> Generator[Event, None, Conversation]:
    """Read `documents` from start to end; return the conversation about them."""
    session = yield from open_reading(documents, settings)
    yield Done(answer_report("chat", session, Answer()))
    return Conversation(session)


def take_turn(conversation: Conversation, question: Question) -> Iterator[Event]:
    """Answer one question, or report why not; the last event is Answered."""
    report = yield from answered("chat", conversation.session, question, conversation.ask(question.text))
    yield Answered(report)
