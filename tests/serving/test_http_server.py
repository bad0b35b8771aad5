"""What a server answers about: files that are sent, else the documents it was started with."""

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("starlette")

from freqkv_cli.config import Settings
from freqkv_cli.documents import open_documents
from freqkv_cli.errors import UsageError
from freqkv_cli.events import Done, Progress
from freqkv_cli.serving.http_server import DocumentAnswers
from freqkv_cli.serving.uploads import Uploads


@pytest.fixture
def uploads() -> Iterator[Uploads]:
    """Room for files."""
    kept = Uploads(10**6)
    yield kept
    kept.close()


def test_a_file_is_read_once_and_the_own_document_comes_back(reader: str, uploads: Uploads, tmp_path: Path) -> None:
    own = tmp_path / "own.txt"
    own.write_text("Chapter 1\n\nThe cook was called Ambrose Pell.\n\nChapter 2\n\nThe captain was called Hodge.\n")
    documents = open_documents([str(own)])
    answers = DocumentAnswers(Settings(model=reader, max_tokens=2, cache=False, until="chapter 2"), documents, uploads)
    list(answers.begin())
    sent = uploads.add("crew.txt", b"The boy was called Tom.\n" * 3)
    told: list[Progress] = []

    def known(*paths: Path) -> str:
        session = answers.thread.submit(lambda: answers.answer(paths, "Who?", [], told.append)).result()
        return " ".join(passage["text"] for passage in session["passages"])

    assert "Pell" in known()
    report = answers.thread.submit(answers.read, [sent.path], told.append).result()
    assert report["tokens_read"] == sent.byte_count
    assert {one.source for one in told if one.phase == "reading"} == {"crew.txt"}
    told.clear()
    assert "Tom" in known(sent.path)
    assert not any(one.phase == "reading" for one in told)
    assert "Pell" in known()  # read again, and no further than before
    assert "Hodge" not in known()


def test_without_a_document_one_is_asked_for(reader: str, uploads: Uploads) -> None:
    answers = DocumentAnswers(Settings(model=reader, cache=False), [], uploads)
    assert not any(isinstance(event, Done) for event in answers.begin())
    with pytest.raises(UsageError, match="attach a file"):
        answers.thread.submit(answers.answer, [], "Who?", [], print).result()
