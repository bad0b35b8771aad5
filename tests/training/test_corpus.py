"""Texts become tokens, whole and named; some are held out."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoTokenizer

from freqkv_cli.errors import InputError, NoTextError
from freqkv_cli.events import Note
from freqkv_cli.training.corpus import Corpus, TrainingText, hold_out, joined, read_texts
from tests.tiny_folder import save_tiny_model


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return AutoTokenizer.from_pretrained(save_tiny_model(tmp_path_factory.mktemp("tiny")))


def read(tokenizer: Any, *paths: Path) -> tuple[list[TrainingText], list[str]]:
    events = read_texts([str(path) for path in paths], tokenizer)
    notes: list[str] = []
    while True:
        try:
            event = next(events)
        except StopIteration as end:
            return end.value, notes
        if isinstance(event, Note):
            notes.append(event.message)


def text(ids: list[int], name: str = "t") -> TrainingText:
    return TrainingText(name, torch.tensor(ids, dtype=torch.int32))


def test_files_become_their_tokens(tokenizer: Any, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("One fish. Two fish.\n", encoding="utf-8")
    texts, notes = read(tokenizer, tmp_path / "a.txt")
    assert notes == []
    assert tokenizer.decode(texts[0].ids) == "One fish. Two fish.\n"


def test_folder_is_read_in_the_order_of_names_and_what_cannot_be_read_is_named(tokenizer: Any, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("b.txt", "sub/c.txt", "a.md"):
        (tmp_path / name).write_text(f"The text of {name} is here.\n", encoding="utf-8")
    (tmp_path / ".hidden").write_text("no", encoding="utf-8")
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.4 broken")
    texts, notes = read(tokenizer, tmp_path)
    assert [Path(one.name).name for one in texts] == ["a.md", "b.txt", "c.txt"]
    assert len(notes) == 1
    assert "left out" in notes[0]
    assert "broken.pdf" in notes[0]


def test_named_file_that_cannot_be_read_is_an_error(tokenizer: Any, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("", encoding="utf-8")
    with pytest.raises(NoTextError):
        read(tokenizer, tmp_path / "empty.txt")
    with pytest.raises(InputError):
        read(tokenizer, tmp_path / "missing.txt")


def test_folder_without_texts_is_an_error(tokenizer: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no document that can be read"):
        read(tokenizer, tmp_path)


def test_end_of_the_longest_text_is_held_out() -> None:
    texts = [text([1] * 50, "short"), text(list(range(400)), "long")]
    corpus = hold_out(texts, 30)
    assert corpus.held_out[0].ids.tolist() == list(range(370, 400))
    assert [len(one.ids) for one in corpus.texts] == [50, 370]
    assert corpus.tokens == 420


def test_no_more_than_a_tenth_is_held_out() -> None:
    assert len(hold_out([text([1] * 200)], 150).held_out[0].ids) == 20
    assert hold_out([text([1] * 5)], 150).held_out == []


def test_digest_knows_the_texts_and_what_is_held_out() -> None:
    one, other = text([1, 2, 3]), text([1, 2, 4])
    digests = {Corpus([one], []).digest, Corpus([other], []).digest, Corpus([], [one]).digest}
    digests |= {Corpus([text([1, 2]), text([3])], []).digest}
    assert len(digests) == 4
    assert Corpus([text([1, 2, 3], "renamed")], []).digest == Corpus([one], []).digest


def test_texts_are_joined_with_the_end_of_text_between() -> None:
    assert joined([text([1, 2]), text([3])], 9).tolist() == [1, 2, 9, 3]
    assert joined([text([1, 2]), text([3])], None).tolist() == [1, 2, 3]
