"""Questions that follow each other: earlier turns lie in a fork of what was read, in a bounded share of its slots."""

import time
from collections.abc import Generator
from dataclasses import dataclass, field

from freqkv_cli.answering.ask import Reply, answer_question
from freqkv_cli.answering.follow_up import looked_up_for
from freqkv_cli.events import Event
from freqkv_cli.kvcache.cache import FreqkvCache
from freqkv_cli.reading.prompt import encode_text
from freqkv_cli.reading.session import Session

TURNS_SHARE = 1 / 8  # of the slots that are free beside the pinned ones: for what was said before
ANSWER_SHARE = 1 / 4  # of them: kept free behind that, for the next question, its passages and its answer
LONGEST_ANSWER = 400  # characters of an answer that are kept


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and its answer, and the token ids by which they are remembered."""

    question: str
    answer: str
    ids: tuple[int, ...]


@dataclass(slots=True)
class Conversation:
    """A chat about what `session` has read, which never changes.

    `turns` are those that are remembered, the oldest first; `forgotten` counts those that had to go to make room.
    `reply` is the last one.
    """

    session: Session
    turns: list[Turn] = field(default_factory=list)
    forgotten: int = 0
    reply: Reply | None = None
    _last: Turn | None = None
    _fork: FreqkvCache | None = None
    _unread: list[Turn] = field(default_factory=list)

    def ask(self, question: str) -> Generator[Event, None, Reply]:
        """Answer a question in the light of the turns before it, and remember both.

        Raises UsageError for a question that is too long for the cache.
        """
        began = time.perf_counter()
        session = self._in_context()
        prepared = time.perf_counter() - began
        reply = yield from answer_question(session, question, self._looked_up(question))
        reply.answer.seconds += prepared  # who asked has waited for that as well
        if reply.answer.first_token_seconds is not None:
            reply.answer.first_token_seconds += prepared
        self.reply = reply
        if reply.text:  # none when it was interrupted before the first word
            self._remember(question, reply.text)
        return reply

    def reset(self) -> None:
        """Forget all turns; what was read stays."""
        self.turns, self._unread, self.forgotten = [], [], 0
        self.reply = self._last = self._fork = None

    @property
    def tokens(self) -> int:
        """Slots that the remembered turns take."""
        return sum(len(turn.ids) for turn in self.turns)

    @property
    def limit(self) -> int:
        """Slots that turns may take; none where the policy cannot make room for them."""
        return int(self._free_slots * TURNS_SHARE) if self.session.cache.policy.evicts else 0

    @property
    def _free_slots(self) -> int:
        geometry = self.session.cache.geometry
        return geometry.cache_size - geometry.sink_tokens - geometry.recent_tokens

    def _looked_up(self, question: str) -> str:
        last, lookup = self._last, self.session.lookup
        if last is None or lookup is None:
            return question
        return looked_up_for(question, last.question, last.answer, lookup.vocabulary)

    def _remember(self, question: str, answer: str) -> None:
        told = f"\n\nQuestion: {question}\nAnswer: {' '.join(answer.split())[:LONGEST_ANSWER]}"
        self._last = Turn(question, answer, tuple(encode_text(self.session.loaded.tokenizer, told)))
        self.turns.append(self._last)
        self._unread.append(self._last)
        while self.tokens > self.limit:
            self.turns.pop(0)
            self.forgotten += 1
            self._fork = None  # a turn cannot be taken out of it

    def _in_context(self) -> Session:
        """The session with the turns behind the document, which are read only now: an answer ends without that wait."""
        if not self.turns:
            return self.session.apart()
        fork, self._fork = self._fork, None  # which stays so when an interrupt comes between
        if fork is None:
            fork = self.session.cache.fork()
            fork.make_room(self.limit + int(self._free_slots * ANSWER_SHARE))
            self._unread = list(self.turns)
        self.session.engine.read(fork, [number for turn in self._unread for number in turn.ids])
        self._unread = []
        self._fork = fork
        return self.session.apart(fork)
