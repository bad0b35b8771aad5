"""States stored smaller: the measurement tells the loss in keys and values, and which answers it changes."""

import json
from pathlib import Path

import pytest

from freqkv_cli.config import Settings
from freqkv_cli.documents import open_documents
from freqkv_cli.lab import states
from freqkv_cli.lab.outcome import last_value
from freqkv_cli.states.read import read
from tests.models.tiny_gguf import write_tiny_gguf


def test_the_loss_of_smaller_states(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FREQKV_CACHE_DIR", str(tmp_path / "cache"))
    model = str(write_tiny_gguf(tmp_path / "tiny.gguf"))
    book, state, questions = (tmp_path / name for name in ("book.txt", "book.freqkv", "questions.jsonl"))
    book.write_text("".join(f"Line {number} of a long story.\n" for number in range(100)))
    questions.write_text('{"id": "a", "q": "Which line?", "a": "7"}\n{"id": "b", "q": "What story?", "a": "long"}\n')
    settings = Settings(model=model, dtype="float32", cache=False)
    last_value(read(open_documents([str(book)]), settings, state))
    states.main([str(state), str(questions), "--dtype", "float32", "--dtype", "bfloat16", "--json"])
    itself, equal, smaller = json.loads(capsys.readouterr().out)["states"]
    assert (itself["dtype"], itself["equal_answers"]) == ("float32", 2)
    assert (equal["key_error"], equal["value_error"], equal["changed"]) == (0, 0, [])
    assert equal["bytes"] == itself["bytes"] == state.stat().st_size
    assert smaller["bytes"] < 0.6 * equal["bytes"]
    assert 0 < smaller["key_error"] < 5e-3
    assert 0 < smaller["value_error"] < 5e-3
    assert smaller["equal_answers"] == 2 - len(smaller["changed"])
