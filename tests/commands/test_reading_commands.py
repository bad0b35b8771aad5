"""What batch, follow, diff and mcp refuse before they begin."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from freqkv_cli.errors import UsageError


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["batch", "a.pdf", "--summarize"], "no output file"),
        (["batch", "-o", "out.jsonl"], "no documents"),
        (["batch", "a.pdf", "-o", "out.jsonl"], "nothing is wanted of the documents"),
        (["batch", "-", "-o", "out.jsonl"], "nothing is wanted of some documents"),
        (["batch", "a.pdf", "--summarize", "-o", "out.jsonl", "--shard", "5/4"], "like 3/16"),
        (["batch", "a.pdf", "--summarize", "-o", "no/out.jsonl"], "there is no folder no"),
        (["follow", "a.log"], "no state"),
        (["follow", "-o", "a.freqkv"], "no log"),
        (["diff", "a.pdf"], "two documents are compared, not 1"),
        (["mcp", "no folder"], "there is no folder"),
    ],
)
def test_what_is_missing_is_said(
    freqkv: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    error = freqkv(*arguments, stdin="a.pdf\n").exception
    assert isinstance(error, UsageError), error
    assert told in error.message
    assert not list(tmp_path.glob("*.jsonl"))


def test_two_documents_are_compared(freqkv: Callable[..., Result], tmp_path: Path) -> None:
    for name, word in (("old.txt", "mat"), ("new.txt", "stone")):
        (tmp_path / name).write_text(f"The key is under the {word}.\n")
    result = freqkv("diff", str(tmp_path / "old.txt"), str(tmp_path / "new.txt"))
    assert result.exit_code == 0, result.exception
    assert result.stdout == "changed: line 1\n- The key is under the mat.\n+ The key is under the stone.\n"
    assert "1 changed, 0 added, 0 removed sections" in result.stderr
