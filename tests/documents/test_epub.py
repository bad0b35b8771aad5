"""EPUBs are read in the order of the spine, within bounds."""

import zipfile
from pathlib import Path

import pytest

from freqkv_cli.documents import open_document
from freqkv_cli.errors import ExitCode, FreqkvError, InputError, UsageError
from tests.documents.samples import write_epub

CHAPTERS = [
    ("One &amp; only", "<h1>The first</h1><p>It was <i>a</i> night.</p><a id='x'/><p>Caf&#233;&nbsp;&hellip;</p>"),
    ("", "<h2>Untitled<br/>in two lines</h2><p>Text <![CDATA[a < b & c]]></p>"),
    ("Three", "<p>The end.</p>"),
]


def refusal(path: Path) -> FreqkvError:
    with pytest.raises(FreqkvError) as caught:
        list(open_document(str(path)).pages())
    assert caught.value.message.isprintable()
    return caught.value


def test_chapters(tmp_path: Path) -> None:
    document = open_document(str(write_epub(tmp_path / "a.epub", CHAPTERS)))
    assert (document.kind, document.has_pages, document.page_count) == ("epub", False, 3)
    assert [(page.number, page.heading, page.text) for page in document.pages()] == [
        (1, "One & only", "The first\n\nIt was a night.\n\nCafé\u00a0…"),
        (2, "Untitled in two lines", "Untitled\nin two lines\n\nText a < b & c"),
        (3, "Three", "The end."),
    ]
    assert (document.progress(), document.warnings) == (1, [])


def test_selected_chapters(tmp_path: Path) -> None:
    path = write_epub(tmp_path / "a.epub", CHAPTERS)
    document = open_document(str(path), pages="3")
    assert [page.text for page in document.pages()] == ["The end."]
    assert document.page_count == 1
    with pytest.raises(UsageError, match="has pages 1-3"):
        open_document(str(path), pages="4")


def test_chapters_without_text_or_missing_are_listed(tmp_path: Path) -> None:
    path = write_epub(tmp_path / "a.epub", [*CHAPTERS, ("", "<img src='a.png'/>"), ("", "gone")])
    kept = tmp_path / "b.epub"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(kept, "w") as new:
        for info in old.infolist():
            if info.filename != "OEBPS/chapter 5.xhtml":
                new.writestr(info, old.read(info))
    document = open_document(str(kept))
    assert [page.number for page in document.pages()] == [1, 2, 3]
    assert (document.empty_pages, document.bad_pages) == ([4], {5: "its file is missing"})
    assert document.warnings == [
        f"{kept}: part 5 cannot be read (its file is missing) and is left out",
        f"{kept}: no text on part 4",
    ]


def test_a_book_of_pictures_is_no_text(tmp_path: Path) -> None:
    error = refusal(write_epub(tmp_path / "a.epub", [("", "<img src='a.png'/>")]))
    assert error.exit_code == ExitCode.NO_TEXT


def test_a_zip_bomb_is_bounded(tmp_path: Path) -> None:
    import tracemalloc

    path = write_epub(tmp_path / "a.epub", [("", "x" * (40 << 20))])
    tracemalloc.start()
    error = refusal(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert error.exit_code == ExitCode.INPUT
    assert "zip bomb" in error.message
    assert peak < 4 << 20


def test_many_small_bombs_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("freqkv_cli.documents.archive.TOTAL_LIMIT", 50_000)
    error = refusal(write_epub(tmp_path / "a.epub", [("", "<p>word</p>" * 1000)] * 6))
    assert "zip bomb" in error.message


def test_entities_do_not_expand(tmp_path: Path) -> None:
    declared = "".join(f'<!ENTITY l{i + 1} "{f"&l{i};" * 10}">' for i in range(9))
    package = f'<!DOCTYPE package [<!ENTITY l0 "lol">{declared}]>'
    laughs = {"META-INF/container.xml": f"{package}<container><rootfile full-path='&l9;'/></container>"}
    assert "broken EPUB (&l9; is missing)" in refusal(write_epub(tmp_path / "a.epub", CHAPTERS, laughs)).message
    chapter = {"OEBPS/chapter 3.xhtml": f"<!DOCTYPE html [{declared}]><html><body><p>a &l9; b</p></body></html>"}
    text = [page.text for page in open_document(str(write_epub(tmp_path / "b.epub", CHAPTERS, chapter))).pages()][2]
    assert "a &l9; b" in text
    assert len(text) < 2000


def test_copy_protection(tmp_path: Path) -> None:
    def encryption(algorithm: str) -> dict[str, str | bytes]:
        method = f'<enc:EncryptedData><enc:EncryptionMethod Algorithm="{algorithm}"/></enc:EncryptedData>'
        return {"META-INF/encryption.xml": f"<?xml version='1.0'?><encryption>{method}</encryption>"}

    locked = write_epub(tmp_path / "a.epub", CHAPTERS, encryption("http://www.w3.org/2001/04/xmlenc#aes128-cbc"))
    error = refusal(locked)
    assert error.exit_code == ExitCode.INPUT
    assert "copy protection (DRM)" in error.message
    fonts = write_epub(tmp_path / "b.epub", CHAPTERS, encryption("http://www.idpf.org/2008/embedding"))
    assert len(list(open_document(str(fonts)).pages())) == 3


@pytest.mark.parametrize(
    ("member", "data", "why"),
    [
        ("META-INF/container.xml", "<container/>", "its container names no package"),
        ("OEBPS/book.opf", "<package/>", "its package lists no chapters"),
        ("OEBPS/book.opf", "<a>" + "<b>" * 200_000, "nested deeper"),
    ],
)
def test_broken_books(tmp_path: Path, member: str, data: str, why: str) -> None:
    error = refusal(write_epub(tmp_path / "a.epub", CHAPTERS, {member: data}))
    assert error.exit_code == ExitCode.INPUT
    assert why in error.message


def test_damaged_data_of_a_chapter(tmp_path: Path) -> None:
    path = write_epub(tmp_path / "a.epub", [("", "<p>" + "many different words " * 50 + "</p>"), CHAPTERS[2]])
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        offset = archive.getinfo("OEBPS/chapter 1.xhtml").header_offset
    data[offset + 80 : offset + 90] = b"\xff" * 10
    path.write_bytes(data)
    document = open_document(str(path))
    assert [page.number for page in document.pages()] == [2]
    assert "its data is damaged" in document.bad_pages[1]


def test_a_cut_off_epub(tmp_path: Path) -> None:
    path = write_epub(tmp_path / "a.epub", CHAPTERS)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match="broken zip"):
        open_document(str(path))


def test_titles_of_a_nav(tmp_path: Path) -> None:
    package = """<opf:package><opf:manifest>
<opf:item id="n" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>
<opf:item id="a" href="chapter%201.xhtml" media-type="application/xhtml+xml"/>
</opf:manifest><opf:spine><opf:itemref idref="n"/><opf:itemref idref="a"/></opf:spine></opf:package>"""
    nav = "<html><body><nav><ol><li><a href='chapter%201.xhtml#a'>From <b>nav</b></a></li></ol></nav></body></html>"
    members: dict[str, str | bytes] = {"OEBPS/book.opf": package, "OEBPS/nav.xhtml": nav}
    pages = list(open_document(str(write_epub(tmp_path / "a.epub", CHAPTERS, members))).pages())
    assert [(page.heading, page.text[:11]) for page in pages] == [(None, "1. From nav"), ("From nav", "The first\n\n")]
