"""HTML becomes the text that a reader of the page sees."""

from pathlib import Path

import pytest

from freqkv_cli.documents import Document, open_document
from freqkv_cli.documents.blocks import LIMIT
from freqkv_cli.documents.markup.html_lines import fragments
from freqkv_cli.errors import InputError, NoTextError, UsageError


def text_of(markup: str) -> str:
    return "".join(fragment.text for fragment in fragments(markup))


def opened(path: Path, data: str | bytes, encoding: str | None = None) -> Document:
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return open_document(str(path), encoding=encoding)


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>a  <b>b</b>\n c</p><p>d&amp;e", "a b c\n\nd&e\n"),
        ("a<br>b<br/> c", "a\nb\nc\n"),
        ("<div>a<div>b</div></div>c", "a\nb\nc\n"),
        ("<ul><li>a<li>b<ul><li>c</ul></ul>d", "- a\n- b\n  - c\n\nd\n"),
        ("<ol start=1><li>a<li><p>b</p><p>more</p></ol>", "1. a\n2. b\n\nmore\n"),
        (
            "<table><tr><th>a<th>b<tr><td><p>1</p></td><td></td><td><p>2</p></td></tr></table>x",
            "a\tb\n1\t\t2\n\nx\n",
        ),
        ("<ul><li></li><li><p>a</p></li></ul><p>b", "- a\n\nb\n"),
        ("x<table><td><p>a</p><p>b</p><td>c</table><table><td>d</table>", "x\n\na\n\nb\tc\n\nd\n"),
        ("<pre>  a\n    b  c\n</pre>d", "  a\n    b  c\n\nd\n"),
        ("a<script>s()</script><style>p{}</style><template>t</template><nav>n</nav><!-- c -->b", "ab\n"),
        ("<p hidden>a</p><svg><text>s</text></svg>b", "b\n"),
        ("<dl><dt>a<dd>b</dl>", "a\nb\n"),
        ("a\u00a0b \x07c &#x1b;[31m", "a\u00a0b c [31m\n"),
        ("<p>a<unknown-tag>b</unknown-tag></p", "ab\n"),
        ("<script>unclosed", ""),
        ("", ""),
    ],
)
def test_rendering(markup: str, text: str) -> None:
    assert text_of(markup) == text


def test_a_page_per_section(tmp_path: Path) -> None:
    document = opened(
        tmp_path / "a.html",
        "<!doctype html><title>The title</title><p>before<h1>One¶</h1><h2>Sub</h2><p>a<h2>Two</h2><p>b<p>c",
    )
    assert (document.kind, document.has_pages, document.page_count) == ("html", False, None)
    assert [(page.number, page.heading, page.text) for page in document.pages()] == [
        (1, "The title", "before"),
        (2, "One", "One\n\nSub\n\na"),
        (3, "Two", "Two\n\nb\n\nc"),
    ]
    assert document.progress() == 1


def test_a_long_section_comes_in_blocks(tmp_path: Path) -> None:
    pages = list(opened(tmp_path / "a.html", "<html><h1>One</h1><p>" + "word " * 50_000).pages())
    assert len(pages) > 5
    assert {page.heading for page in pages} == {"One"}
    assert max(len(page.text) for page in pages) <= LIMIT
    assert " ".join("".join(page.text for page in pages).split()) == "One" + " word" * 50_000


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        ("<html><meta charset=utf-8><p>déjà vu".encode(), "utf-8"),
        ("<html><p>déjà vu".encode(), "utf-8"),
        ("<html><p>déjà vu".encode("utf-16"), "utf-16"),
        ("<html><meta charset='iso-8859-1'><p>déjà vu “”".encode("cp1252"), "cp1252"),
        ("<html><meta http-equiv=a content='text/html; charset=koi8-r'><p>чай".encode("koi8-r"), "koi8-r"),
        ("<html><meta charset=no-such><p>déjà vu".encode(), "utf-8"),
        ("<html><meta charset=ascii><meta charset=utf-16><p>déjà vu".encode("cp1252"), "cp1252"),
        ("<html><meta charset=utf-16><p>déjà vu ".encode() + b"x", "utf-8"),  # does not keep to it
    ],
)
def test_encodings(tmp_path: Path, data: bytes, encoding: str) -> None:
    document = opened(tmp_path / "a.html", data)
    (page,) = document.pages()
    assert document.encoding == encoding
    assert page.text.startswith(("déjà vu", "чай"))
    assert document.warnings == []


def test_a_wrong_declaration_is_guessed_around_and_said(tmp_path: Path) -> None:
    text = "Die Straße war naß, déjà vu. " * 20
    document = opened(tmp_path / "a.html", f"<html><meta charset=utf-8><p>{text}".encode("cp1252"))
    assert [page.text for page in document.pages()] == [text.strip()]
    assert ["read as cp1252, a guess" in warning for warning in document.warnings] == [True]


def test_a_given_encoding_wins(tmp_path: Path) -> None:
    document = opened(tmp_path / "a.html", "<html><meta charset=cp1251><p>чай".encode("koi8-r"), "koi8-r")
    assert [page.text for page in document.pages()] == ["чай"]


def test_a_page_without_text(tmp_path: Path) -> None:
    with pytest.raises(NoTextError, match="holds no text"):
        list(opened(tmp_path / "a.html", "<html><script>app()</script><div id=root></div>").pages())


def test_a_page_range_makes_no_sense(tmp_path: Path) -> None:
    for name in ("a.html", "a.txt", "a.md"):
        (tmp_path / name).write_text("<html>text")
        with pytest.raises(UsageError, match="has no pages: a page range works with PDF and EPUB only"):
            open_document(str(tmp_path / name), pages="1")


@pytest.mark.parametrize(
    "markup",
    [
        "<div>" * 200_000,  # minutes for the parser
        "<p>" + "".join(f"<b id={number}>" for number in range(2000)) + "</p>" + "<p>x" * 3000,  # six million elements
    ],
)
def test_hostile_nesting_is_refused(tmp_path: Path, markup: str) -> None:
    document = opened(tmp_path / "a.html", f"<html>{markup}text")
    with pytest.raises(InputError, match="nested deeper"):
        list(document.pages())


@pytest.mark.parametrize(
    "markup", ["<div>" * 3000 + "text", "<" + "a" * 1_000_000, "<![CDATA[" * 100_000, "<!-- -->" * 500]
)
def test_odd_markup_takes_no_time(markup: str) -> None:
    assert text_of(markup) in ("", "text\n")
    assert "".join(fragment.text for fragment in fragments(markup, xhtml=True)) in ("", "text\n")


def test_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("freqkv_cli.documents.markup.html.BYTE_LIMIT", 10)
    with pytest.raises(InputError, match="too large for HTML"):
        opened(tmp_path / "a.html", "<html><p>text")
