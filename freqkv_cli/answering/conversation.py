"""Questions that follow each other: the last turns are told with the next question, and looked up with it."""

from collections.abc import Generator
from dataclasses import dataclass, field

from freqkv_cli.answering.answer import Turn, answer_question
from freqkv_cli.answering.reply import Reply
from freqkv_cli.events import Event
from freqkv_cli.reading.session import Session

TOLD = 2  # turns that are told with the next question
REMEMBERED = 50
LONGEST_ANSWER = 400  # characters of an answer that are told again


@dataclass(slots=True)
class Conversation:
    """A chat about what `session` has read, which never changes.

    `turns` are those that are remembered, the oldest first; `forgotten` counts those before. `reply` is the last one.
    """

    session: Session
    turns: list[Turn] = field(default_factory=list)
    forgotten: int = 0
    reply: Reply | None = None

    def ask(self, question: str) -> Generator[Event, None, Reply]:
        """Answer a question in the light of the turns before it, and remember both.

        Raises UsageError for a question that is too long for the cache.
        """
        reply = yield from answer_question(self.session.apart(), question, self.turns[-TOLD:])
        self.reply = reply
        if reply.answer.text and reply.found:  # none when it was interrupted before the first word
            self.turns.append(Turn(question, " ".join(reply.answer.text.split())[:LONGEST_ANSWER]))
            if len(self.turns) > REMEMBERED:
                del self.turns[0]
                self.forgotten += 1
        return reply

    def reset(self) -> None:
        """Forget all turns; what was read stays."""
        self.turns, self.forgotten, self.reply = [], 0, None

    @property
    def tokens(self) -> int:
        """Tokens of the turns that are told with the next question."""
        return sum(self.session.count_tokens(f"{turn.question}{turn.answer}") for turn in self.turns[-TOLD:])
