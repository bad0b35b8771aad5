"""Drafts: what a model writes for notes and summaries, unseen until it is known what of it may be shown."""

from collections.abc import Generator, Sequence

from freqkv_cli.answering.grounding import Grounds, Rule
from freqkv_cli.config import Settings
from freqkv_cli.events import Event, Note
from freqkv_cli.reading.session import Answer, Session
from freqkv_cli.retrieval.vocabulary import Vocabulary, unknown_words
from freqkv_cli.summarizing.prose import is_chat, is_echo, says_again, whole_sentences

NOUNS_IN_CAPITALS = ("german", "deutsch", "luxembourgish")  # languages in which a capital is no sign of a name


def in_language(settings: Settings) -> str:
    """Return the end of a request that asks for a language; empty if none is wanted."""
    return f" Write in {settings.language}." if settings.language else ""


def keep(
    text: str,
    request: str,
    grounds: Grounds | None,
    vocabulary: Vocabulary,
    rule: Rule,
    language: str = "",
    given: Sequence[str] = (),
) -> tuple[list[str], int]:
    """Return the sentences of what a model wrote that may be shown, and how many whole ones may not.

    Left out is what talks to the user, echoes the request, repeats what is `given`, has a name or number that is not in
    the document (`vocabulary`), or is not what the text says by the `rule` (`grounds`, if any; what is written in a
    `language` that was asked for cannot be held against them).
    """
    kept: list[str] = []
    sentences = whole_sentences(text)
    for sentence in sentences:
        if not (
            is_chat(sentence)
            or is_echo(sentence, request.rsplit("\n\n", 1)[-1])
            or says_again(sentence, [*given, *kept])
            or unknown_words(sentence, vocabulary, capitals=language.lower() not in NOUNS_IN_CAPITALS)
            or not (grounds is None or language or grounds.hold(sentence, rule))
        ):
            kept.append(sentence)
    return kept, len(sentences) - len(kept)


def quietly(session: Session, request: str, max_tokens: int) -> Generator[Event, None, Answer]:
    """Put a request to a fork of the session without showing what is written, or that it is."""
    answering = session.answer(request, max_tokens)
    while True:
        try:
            event = next(answering)
        except StopIteration as end:
            answer: Answer = end.value
            if answer.finish_reason == "interrupted":
                raise KeyboardInterrupt from None
            return answer
        if isinstance(event, Note):
            yield event
