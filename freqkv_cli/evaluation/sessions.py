"""Measures what a memory is worth to many questions about one context, after SCBench (arXiv 2412.10319).

freqkv evaluate sessions [FILE...] [--policies NAMES]

Each policy reads a context once. In the mode `multi-request` every question is put to a fork of that; in `multi-turn`
the questions follow each other in one fork, where each stays with its right answer, so that the memory goes on being
compressed while it is asked.
"""

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from freqkv_cli.config import Settings
from freqkv_cli.documents.document import Document
from freqkv_cli.errors import UsageError
from freqkv_cli.evaluation.asking import put
from freqkv_cli.evaluation.needle_items import document_sentences
from freqkv_cli.evaluation.policy_specs import Contender, open_contenders, shrunk
from freqkv_cli.evaluation.scbench import SharedContexts
from freqkv_cli.evaluation.session_figures import AnsweredTurn, by_turn, rows
from freqkv_cli.evaluation.session_items import KINDS, MOST_TURNS
from freqkv_cli.evaluation.session_table import session_table, width_of
from freqkv_cli.evaluation.session_text import SharedSession, make_session
from freqkv_cli.events import Done, Event, Note, Text
from freqkv_cli.measurement.line_plot import PlotLine, draw_lines
from freqkv_cli.measurement.plot import require_matplotlib
from freqkv_cli.measurement.reading_progress import reading_progress
from freqkv_cli.measurement.report import memory_report
from freqkv_cli.measurement.subject import Subject, open_subject
from freqkv_cli.measurement.synthetic_text import SEED, synthetic_lines

MODES = ("multi-request", "multi-turn")
BOTH = "both"
DEFAULT_TOKENS = 4096


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """What is asked: `turns` in each of `sessions` contexts of each kind, in one mode or both.

    tokens: the most of a context; None: 4096, of public data the whole. data: public contexts instead of made-up ones.
    """

    kinds: tuple[str, ...] = KINDS
    tokens: int | None = None
    turns: int = 8
    sessions: int = 1
    mode: str = BOTH
    data: SharedContexts | None = None

    def __post_init__(self) -> None:
        for kind in self.kinds:
            if kind not in KINDS:
                raise UsageError(f"--kinds: there is no {kind}; choose from: {', '.join(KINDS)}")
        if not self.kinds:
            raise UsageError(f"--kinds names nothing to ask for; choose from: {', '.join(KINDS)}")
        if self.mode not in (*MODES, BOTH):
            raise UsageError(f"--mode: there is no {self.mode}; choose from: {', '.join((*MODES, BOTH))}")
        if self.turns > MOST_TURNS and self.data is None:
            raise UsageError(f"--turns must be {MOST_TURNS} or fewer, not {self.turns}")

    @property
    def modes(self) -> tuple[str, ...]:
        """The modes that are measured."""
        return MODES if self.mode == BOTH else (self.mode,)


def evaluate_sessions(
    documents: Sequence[Document],
    settings: Settings,
    labels: Sequence[str],
    wanted: SessionOptions,
    plot: Path | None = None,
) -> Iterator[Event]:
    """Put all sessions to every contender and yield the table as Text, then the report; after Ctrl-C, what there is."""
    began = time.perf_counter()
    if plot is not None:
        require_matplotlib(plot)
    subject = yield from open_subject(settings, None)
    seed = SEED if settings.seed is None else settings.seed
    sessions = yield from open_sessions(documents, subject.tokenizer, wanted, seed)
    answered: list[AnsweredTurn] = []
    reason = "stop"
    try:
        yield from ask_all(open_contenders(labels, subject, settings), subject, sessions, wanted.modes, answered)
    except KeyboardInterrupt:
        reason = "interrupted"
    found = {
        "adapter": settings.adapter,
        "data": wanted.data.as_json() if wanted.data else None,
        "sessions": [
            {"kind": one.kind, "tokens": len(one.context), "turns": len(one.turns)} for _, one in numbered(sessions)
        ],
        "tokens_read": sum(len(one.context) for one in sessions) if answered else 0,
        "rows": rows(answered),
        "by_turn": by_turn(answered),
        "answered": [one.as_json() for one in answered],
    }
    seeded = replace(settings, seed=seed)
    report = memory_report("sessions", subject, seeded, documents, found, began=began, reason=reason)
    if plot is not None and answered:
        title = f"{report['model']['id']}, {subject.geometry.cache_size} slots"
        draw_lines(
            lines(report["by_turn"]), plot, x="turn", y="share of right answers put first", title=title, marker="o-"
        )
    yield Text(session_table(report, by_turn(answered, width_of(max((one.turn for one in answered), default=1)))))
    yield Done(report)


def open_sessions(
    documents: Sequence[Document], tokenizer: Any, wanted: SessionOptions, seed: int
) -> Generator[Event, None, list[SharedSession]]:
    """Return the sessions that are asked for; warns of kinds that `tokens` has no room for.

    Raises UsageError where that is so of all.
    """
    if wanted.data is not None:
        return wanted.data.sessions(tokenizer, wanted.tokens, wanted.turns, wanted.sessions)
    text = list(document_sentences(page.text for document in documents for page in document.pages()))
    tokens = wanted.tokens or DEFAULT_TOKENS
    sessions, without = [], []
    for kind in wanted.kinds:
        for number in range(wanted.sessions):
            own = f"{seed} {kind} {number}"
            filler = iter(text) if documents else (line.strip() for line in synthetic_lines(seed + number))
            session = make_session(kind, filler, tokenizer, tokens, wanted.turns, own)
            if session is None:
                without.append(kind)
                break
            sessions.append(session)
    if not sessions:
        raise UsageError(f"--tokens {tokens} has no room for {wanted.turns} turns: give more, or fewer --turns")
    if without:
        yield Note(f"{tokens} tokens have no room for {wanted.turns} turns of: {', '.join(without)}", warning=True)
    return sessions


def ask_all(
    contenders: Sequence[Contender],
    subject: Subject,
    sessions: Sequence[SharedSession],
    modes: Sequence[str],
    answered: list[AnsweredTurn],
) -> Generator[Event, None, None]:
    """Let every contender read every context, and ask; what is answered goes into `answered`."""
    pairs = [
        (contender, number, session)
        for contender in contenders
        for number, session in numbered(sessions)
        if contender.limit is None or session.tokens <= contender.limit
    ]
    for contender in contenders:
        held = sum(one is contender for one, _, _ in pairs)
        if held < len(sessions):
            yield Note(
                f"{contender.label} is not asked in {len(sessions) - held} of {len(sessions)} sessions: "
                f"they are longer than its {contender.limit} tokens",
                warning=True,
            )
    total = sum(_work(session, modes) for _, _, session in pairs)
    done, began = 0, time.perf_counter()
    for contender, number, session in pairs:
        engine = contender.new_engine(subject)
        cache = shrunk(contender, session.tokens).new_cache(subject)
        for size in engine.prefill(cache, session.context):
            done += size
            yield reading_progress(contender.label, done, total, began)
        for mode in modes:
            conversation = cache.fork()
            for turn, asked in enumerate(session.turns, 1):
                outcome = put(engine, conversation, asked.cue, asked.answers)
                choices = len(asked.answers)
                answered.append(
                    AnsweredTurn(contender.label, mode, session.kind, number, turn, asked.kind, choices, *outcome)
                )
                if mode == "multi-turn":
                    engine.read(conversation, session.said(asked))
                done += asked.tokens
                yield reading_progress(contender.label, done, total, began)


def numbered(sessions: Sequence[SharedSession]) -> list[tuple[int, SharedSession]]:
    """Return the sessions with their numbers among those of their kind, from 1."""
    seen: dict[str, int] = {}
    found = []
    for session in sessions:
        seen[session.kind] = seen.get(session.kind, 0) + 1
        found.append((seen[session.kind], session))
    return found


def lines(turns: Sequence[dict[str, Any]]) -> list[PlotLine]:
    """Return one line for each policy and mode."""
    drawn: dict[str, list[tuple[float, float]]] = {}
    for row in turns:
        drawn.setdefault(f"{row['policy']}, {row['mode']}", []).append((row["turn"], row["first"]["share"]))
    return [PlotLine(label, points) for label, points in drawn.items()]


def _work(session: SharedSession, modes: Sequence[str]) -> int:
    return len(session.context) + len(modes) * sum(turn.tokens for turn in session.turns)
