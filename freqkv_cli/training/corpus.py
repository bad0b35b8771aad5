"""The texts to learn from: any file that freqkv reads, or a folder of them, as token ids."""

import hashlib
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch
from torch import Tensor

from freqkv_cli.documents.document import Document, open_documents
from freqkv_cli.errors import FreqkvError, InputError
from freqkv_cli.events import Event, Note, Progress
from freqkv_cli.reading.token_stream import TokenStream


@dataclass(frozen=True, slots=True)
class TrainingText:
    """One document: its name, its token ids (int32)."""

    name: str
    ids: Tensor


@dataclass(frozen=True, slots=True)
class Corpus:
    """Texts to learn from, and texts that are only looked at (`held_out`)."""

    texts: list[TrainingText]
    held_out: list[TrainingText]

    @property
    def tokens(self) -> int:
        """Tokens to learn from."""
        return sum(len(text.ids) for text in self.texts)

    @property
    def digest(self) -> str:
        """A hash of all ids, in their order: the same texts, tokenised alike and held out alike, give the same."""
        known = hashlib.sha256()
        for texts in (self.texts, self.held_out):
            known.update(b"texts")
            for text in texts:
                known.update(text.ids.numpy().tobytes() + b"end")
        return known.hexdigest()[:32]


def read_texts(
    paths: Sequence[str], tokenizer: Any, encoding: str | None = None
) -> Generator[Event, None, list[TrainingText]]:
    """Read and tokenise files, and all files below folders; what cannot be read in a folder is named and left out.

    Raises InputError or NoTextError for a file that was named itself, and for a folder of which nothing can be read.
    """
    texts: list[TrainingText] = []
    for document in open_documents(paths, encoding=encoding, recursive=True):
        yield Progress("loading", source=document.name)
        try:
            with document:
                texts.append(read_text(document, tokenizer))
        except FreqkvError as error:
            if document.name in paths:
                raise
            yield Note(f"left out: {error.message}", warning=True)
        yield from (Note(warning, warning=True) for warning in document.warnings)
    if not texts:
        raise InputError(f"no text could be read in {', '.join(paths)}: name text files, or a folder of them")
    return texts


def read_text(document: Document, tokenizer: Any) -> TrainingText:
    """Return one document as token ids. Raises InputError, NoTextError."""
    if document.kind == "state":
        raise InputError(f"{document.name} is a state, which holds no whole text: name the document it was made of")
    ids = torch.tensor(list(TokenStream([document], tokenizer)), dtype=torch.int32)
    return TrainingText(document.name, ids)


def hold_out(texts: Sequence[TrainingText], tokens: int) -> Corpus:
    """Keep the last `tokens` of the longest text out of training, but no more than a tenth of it."""
    longest = max(range(len(texts)), key=lambda number: len(texts[number].ids))
    chosen = texts[longest]
    kept = len(chosen.ids) - min(tokens, len(chosen.ids) // 10)
    ends = [TrainingText(chosen.name, chosen.ids[kept:])] if kept < len(chosen.ids) else []
    rest = TrainingText(chosen.name, chosen.ids[:kept])
    return Corpus([*texts[:longest], rest, *texts[longest + 1 :]], ends)


def joined(texts: Sequence[TrainingText], separator: int | None) -> Tensor:
    """Return all ids one after another, with `separator` between texts where the model has one."""
    between = [] if separator is None else [torch.tensor([separator], dtype=torch.int32)]
    parts = list(chain.from_iterable((text.ids, *between) for text in texts))
    return torch.cat(parts[: len(parts) - len(between)])
