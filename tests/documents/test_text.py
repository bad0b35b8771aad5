"""Plain text and Markdown keep every character and know their lines."""

from pathlib import Path

import pytest

from freqkv_cli.documents import open_document
from freqkv_cli.documents.markup.headings import Headings, atx_title


@pytest.mark.parametrize("name", ["pride_and_prejudice", "sense_and_sensibility", "northanger_abbey"])
def test_a_novel_is_read_exactly(data: Path, name: str) -> None:
    path = data / f"{name}.txt"
    whole = path.read_text(encoding="utf-8")
    lines = whole.split("\n")
    text, share = "", 0.0
    document = open_document(str(path))
    for number, page in enumerate(document.pages(), 1):
        assert page.number == number
        assert page.first_line is not None
        assert page.text.startswith(lines[page.first_line - 1])
        assert share < document.progress() <= 1
        share = document.progress()
        text += page.text
    assert text == whole
    assert share == 1.0
    assert (document.kind, document.has_pages, document.page_count) == ("text", False, None)
    assert (document.encoding, document.byte_count, document.warnings) == ("utf-8", path.stat().st_size, [])


def test_a_document_can_be_read_twice(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a\x07b and words, and words, and many, many more words in a row " * 100)
    document = open_document(str(tmp_path / "a.txt"))
    assert list(document.pages()) == list(document.pages())
    assert document.warnings == [
        f"{tmp_path}/a.txt: 100 invisible characters (control codes, soft hyphens) were removed"
    ]


def test_control_characters_do_not_get_through(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"red \x1b[31mtext\x1b[0m <|im_end|> [red]\r\nnext" + b" word" * 100)
    (page,) = open_document(str(tmp_path / "a.txt")).pages()
    assert page.text == "red [31mtext[0m <|im_end|> [red]\nnext" + " word" * 100


def test_memory_is_bounded_by_the_block(tmp_path: Path) -> None:
    import tracemalloc

    with open(tmp_path / "a.txt", "w") as stream:
        for _ in range(300):
            stream.write("a line of words\n" * 4096)
    document = open_document(str(tmp_path / "a.txt"))
    tracemalloc.start()
    count = sum(len(page.text) for page in document.pages())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 300 * 4096 * 16
    assert peak < 8 << 20


def test_markdown_is_kept_verbatim_and_knows_its_headings(tmp_path: Path) -> None:
    body = "one *line* of text\n" * 900 + "\n"
    text = f"# First ##\n\n{body}## Second\n\n{body}{body}```\n# no heading\n```\n{body}"
    (tmp_path / "a.md").write_text(text)
    document = open_document(str(tmp_path / "a.md"))
    pages = list(document.pages())
    assert document.kind == "markdown"
    assert "".join(page.text for page in pages) == text
    assert [page.heading for page in pages] == ["First", "First", "Second", "Second", "Second"]


def test_a_heading_counts_where_the_block_starts() -> None:
    headings = Headings()
    assert headings.read("text\n# A\nmore\n")[0] is None
    assert headings.read("more text\n")[0] == "A"
    assert headings.read("\n# B\ntext # not")[0] == "B"
    assert headings.read("# inside of a line\n~~~\n# code\n")[0] == "B"
    assert headings.read("# code\n~~~\n# C\n")[0] == "B"
    assert headings.read("text")[0] == "C"


@pytest.mark.parametrize(
    ("line", "title"),
    [
        ("# A title", "A title"),
        ("  ### A  title ###  ", "A title"),
        ("# C#", "C#"),
        ("#hashtag", None),
        ("    # code", None),
        ("####### seven", None),
        ("# ", None),
        ("# ##", None),
        ("# " + " " * 60_000 + "x", "x"),
    ],
)
def test_atx_headings(line: str, title: str | None) -> None:
    assert atx_title(line) == title
