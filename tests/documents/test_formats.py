"""Office documents, messages, tables, subtitles, logs: their text, places, metadata and what is left out."""

import contextlib
import zipfile
from datetime import datetime
from pathlib import Path

import pytest

from freqkv_cli.documents import Document, Page, open_document
from freqkv_cli.documents.metadata import Metadata
from freqkv_cli.documents.records.log import TIME, times_of
from freqkv_cli.errors import InputError, NoTextError
from freqkv_cli.location import Location
from tests.documents import office_samples as samples

Pages = list[tuple[str, str]]  # place and text


def read(path: Path) -> tuple[Document, Pages]:
    document = open_document(str(path))
    pages = [(str(page.locate()), page.text) for page in document.pages()]
    assert document.progress() == 1.0
    assert pages == [(str(page.locate()), page.text) for page in document.pages()]  # it can be read twice
    return document, pages


def at(page: Page, text: str) -> Location:
    """The place of the first `text` in a page."""
    start = page.text.index(text)
    return page.locate(start, start + len(text))


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_docx(tmp_path: Path) -> None:
    document, pages = read(samples.write_docx(tmp_path / "a.docx"))
    assert (document.kind, document.metadata) == ("docx", Metadata("Harbour report", "A. Vik", "2026-05-09"))
    assert pages == [
        ("Harbour", "Harbour\n\nThe pier was repaired."),
        ("Harbour > Traffic", "Traffic\n\nYear\tShips\n1896\t240\n\nafter"),
    ]


def test_pptx_has_its_slides_in_the_order_in_which_they_are_shown(tmp_path: Path) -> None:
    document, pages = read(samples.write_pptx(tmp_path / "a.pptx"))
    assert (document.kind, document.left_out) == ("pptx", {"pictures": 1})
    assert pages == [
        ("slide 1", "Launch\n\nMove to 14 November\n\nNotes: Say it slowly"),
        ("slide 2", "Port\tTons\nSkarvik\t40"),
    ]


def test_xls(tmp_path: Path) -> None:
    document, pages = read(samples.write_xls(tmp_path / "a.xls"))
    assert document.kind == "xls"
    table = "Item | Amount\nItem: Rent; Amount: 1150"
    assert pages == [("sheet Sheet 1, rows 1-2", table), ("sheet Sheet 1, row 16384", "far")]


@pytest.mark.parametrize("cell", ["XFD1048576", "ZZ20000"])
def test_cells_far_apart_are_refused_before_room_is_made_for_all_between(tmp_path: Path, cell: str) -> None:
    path = samples.write_xlsx(tmp_path / "a.xlsx")
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name).decode() for name in archive.namelist()}
    sheet = members["xl/worksheets/sheet1.xml"]
    samples.write_zip(path, {**members, "xl/worksheets/sheet1.xml": sheet.replace('r="C6"', f'r="{cell}"')})
    with pytest.raises(InputError, match="more than 10,000,000 cells: delete the stray ones"):
        read(path)


def test_xlsx_rows_name_their_columns(tmp_path: Path) -> None:
    document, pages = read(samples.write_xlsx(tmp_path / "a.xlsx"))
    assert (document.kind, document.metadata.title) == ("xlsx", "Harbour report")
    text = "Costs of 2026\nItem | Amount | Note\nItem: Rent; Amount: 1150\nItem: Salt; Amount: 84.5; Note: late"
    assert pages == [("sheet Costs, rows 3-6", text)]
    (page,) = document.pages()
    assert str(at(page, "Item: Salt")) == "sheet Costs, row 6"


def test_open_document(tmp_path: Path) -> None:
    document, pages = read(samples.write_odf(tmp_path / "a.odt", "text", samples.ODT_BODY))
    assert (document.kind, document.metadata) == ("odt", Metadata("Tide tables", "B. Holm"))
    assert pages == [("Tides", "Tides\n\nHigh water (at noon)"), ("Tides > Table", "Table\n\nDay\tMetres")]
    document, pages = read(samples.write_odf(tmp_path / "a.odp", "presentation", samples.ODP_BODY))
    assert (document.kind, pages) == ("odp", [("slide 1", "Launch\n\nNotes: Slowly"), ("slide 2", "Second")])


def test_rtf(tmp_path: Path) -> None:
    document, pages = read(written(tmp_path / "a.rtf", samples.RTF))
    assert (document.kind, document.metadata) == ("rtf", Metadata("Pier", "Vik"))
    assert pages == [("part 1", "The pièr\nYear\tShips\n1896\t240\nEnd")]


def test_fb2(tmp_path: Path) -> None:
    document, pages = read(written(tmp_path / "a.fb2", samples.FB2))
    assert (document.kind, document.metadata) == ("fb2", Metadata("Salt", "Ada Berg", None, "en"))
    assert pages == [("Chapter One", "Chapter One\n\nIt rained."), ("Two", "Two\n\nIt cleared.")]
    assert document.left_out == {"pictures": 1}


TEXT_OF_MESSAGE = (
    "From: Amalia Rosenquist <amalia@skarvik.example>\nTo: Board <board@skarvik.example>\n"
    "Date: Sat, 09 May 2026 10:15:00 +0200\nSubject: The pièr\nAttachment: plan.pdf\n\nThe pier is closed."
)


def test_messages(tmp_path: Path) -> None:
    document, pages = read(written(tmp_path / "message", samples.MESSAGE))  # known without a suffix
    assert (document.kind, document.metadata.title, document.left_out) == ("eml", "The pièr", {"attachments": 1})
    assert pages == [("message of 9 May 2026", TEXT_OF_MESSAGE)]
    separator = "From a@b Sat May  9 10:15:00 2026\n"
    second = "Date: no date\nSubject: two\n\n>From the start\n"
    document, pages = read(written(tmp_path / "a.mbox", f"{separator}{samples.MESSAGE}\n{separator}{second}"))
    assert (document.kind, pages) == (
        "mbox",
        [
            ("message 1 of 9 May 2026", TEXT_OF_MESSAGE),
            ("message 2", "Date: no date\nSubject: two\n\nFrom the start"),
        ],
    )


def test_csv_rows_name_their_columns_and_know_their_number(tmp_path: Path) -> None:
    rows = 'Date;Text;Amount\n01.02.2026;"Rent;\nhall";1.150,00\n\n02.02.2026;Salt;3\n'
    document, pages = read(written(tmp_path / "a.csv", rows))
    text = "Date | Text | Amount\n"
    text += "Date: 01.02.2026; Text: Rent; hall; Amount: 1.150,00\n\nDate: 02.02.2026; Text: Salt; Amount: 3\n"
    assert (document.kind, pages) == ("csv", [("rows 1-4", text)])
    (page,) = document.pages()
    assert (page.first_line, str(at(page, "Salt; A"))) == (1, "row 4")


def test_every_passage_of_a_long_csv_knows_its_columns(tmp_path: Path) -> None:
    lines = ["name,ships"] + [f"port {n},{n * 7}" for n in range(2, 3000)]
    pages = list(open_document(str(written(tmp_path / "a.csv", "\n".join(lines)))).pages())
    assert len(pages) > 3
    for page in pages:
        assert page.first_line is not None
        for offset, line in enumerate(page.text.splitlines()):
            number = page.first_line + offset
            assert line == ("name | ships" if number == 1 else f"name: port {number}; ships: {number * 7}")


def test_json_records_are_units_with_their_keys(tmp_path: Path) -> None:
    value = '[{"name": "Vik", "address": {"city": "Skarvik"}, "tags": ["a", "b"], "n": 1.50}, {"name": "Holm"}]'
    document, pages = read(written(tmp_path / "a.json", value))
    text = "name: Vik; address.city: Skarvik; tags: a, b; n: 1.50\nname: Holm"
    assert (document.kind, pages) == ("json", [("records 1-2", text)])
    (page,) = document.pages()
    assert str(at(page, "Holm")) == "record 2"
    document, pages = read(written(tmp_path / "b.json", '{"meta": {"v": 1}, "items": [{"a": 1}, {"a": 2}]}'))
    assert pages[0][1] == "meta.v: 1\na: 1\na: 2"
    document, pages = read(written(tmp_path / "a.jsonl", '{"a": 1}\nbroken\n{"a": [{"b": 2}]}\n'))
    assert (document.kind, pages) == ("jsonl", [("records 1-3", "a: 1\nbroken\na[1].b: 2")])


def test_broken_json_is_text(tmp_path: Path) -> None:
    document, pages = read(written(tmp_path / "a.json", '{"a": 1,\n"b": '))
    assert (document.kind, pages) == ("text", [("lines 1-2", '{"a": 1,\n"b": ')])


def test_subtitles_without_numbers_and_markup(tmp_path: Path) -> None:
    document, pages = read(written(tmp_path / "talk", samples.SUBTITLES))
    assert (document.kind, pages) == ("subtitles", [("00:00:01", "The lamp is lit.\n- Who lit it? - Krause.")])
    (page,) = document.pages()
    assert str(at(page, "Krause")) == "00:10:30"
    text = "WEBVTT\n\nNOTE hi\n\nid-1\n00:01.000 --> 00:02.000 align:start\n"
    text += "<v Anna>Hello &amp; bye\n\n00:03.000 --> 00:04.000\nNext\n"
    document, pages = read(written(tmp_path / "a.vtt", text))
    assert (document.kind, pages) == ("subtitles", [("00:00:01", "Anna: Hello & bye\nNext")])


@pytest.mark.parametrize(
    ("line", "written", "time"),
    [
        ("2026-11-29T10:15:02Z up", "2026-11-29T10:15:02", "2026-11-29 10:15:02"),
        ("INFO 2026-11-29 10:15:02,123 up", "2026-11-29 10:15:02", "2026-11-29 10:15:02"),
        ("[2026/11/29 10:15] up", "2026/11/29 10:15", "2026-11-29 10:15:00"),
        ("26/11/29 10:15:02 INFO up", "26/11/29 10:15:02", "2026-11-29 10:15:02"),
        ('10.0.0.1 - bob [29/Nov/2026:10:15:02 +0100] "GET /"', "29/Nov/2026:10:15:02", "2026-11-29 10:15:02"),
        ("<34>Feb 29 10:15:02 host su: up", "Feb 29 10:15:02", "2000-02-29 10:15:02"),
        ("[Sun Dec  4 04:47:44 2005] [notice] up", "Dec  4 04:47:44", "2000-12-04 04:47:44"),
        ("11-29 10:15:02.811  1702 D up", "11-29 10:15:02", "2000-11-29 10:15:02"),
        ("I1129 10:15:02.123456 up", "10:15:02", "2000-01-01 10:15:02"),
        ("The train of 10:15 was late", None, None),
        ("  at 10:15:02", None, None),
    ],
)
def test_times_of_logs_are_known(line: str, written: str | None, time: str | None) -> None:
    match = TIME.match(line)
    assert (match and match[1]) == written
    assert times_of([written]) == [time and datetime.fromisoformat(time)]


def test_times_without_a_year_or_a_date_come_before_those_behind_them() -> None:
    assert [str(time) for time in times_of(["Dec 31 23:59:00", "Jan  1 00:01:00"])] == [
        "1999-12-31 23:59:00",
        "2000-01-01 00:01:00",
    ]
    assert [time and str(time) for time in times_of(["09:00:00", "23:00:00", None, "00:10:00"])] == [
        "1999-12-31 09:00:00",
        "1999-12-31 23:00:00",
        None,
        "2000-01-01 00:10:00",
    ]
    put_back = times_of(["02:59:00", "02:05:00"])  # an hour that comes twice
    assert put_back[0] is not None
    assert put_back[0].day == 1


def test_logs_are_kept_and_know_their_times(tmp_path: Path) -> None:
    text = "2026-11-29T10:15:02 INFO start\n2026-11-29T10:15:03 WARN x\n  trace\n2026-11-29T10:16:00 INFO end\n"
    document, pages = read(written(tmp_path / "app.log", text))
    assert (document.kind, pages) == ("log", [("2026-11-29T10:15:02, lines 1-4", text)])
    (page,) = document.pages()
    assert str(at(page, "trace")) == "2026-11-29T10:15:03, line 3"
    plain = "Nov 29 10:15:02 host sshd[1]: a\nNov 29 10:15:09 host sshd[1]: b\nNov 29 10:15:11 host cron: c\n"
    assert open_document(str(written(tmp_path / "syslog", plain))).kind == "log"


def test_latex_says_what_it_prints(tmp_path: Path) -> None:
    text = (
        '\\documentclass{article}\n\\title{On Salt}\n\\usepackage{x} % c\n\\begin{document}\n\\section{Gr\\"o\\ss e}\n'
        "It costs 5\\% \\emph{more \\textbf{now}}~\\cite{a}. % no\n\\begin{tabular}{ll}\na & b \\\\\n\\end{tabular}\n"
    )
    document, pages = read(written(tmp_path / "a.tex", text))
    assert (document.kind, document.metadata.title) == ("latex", "On Salt")
    assert [line for line in pages[0][1].split("\n") if line] == [
        "On Salt",
        "Größe",
        "It costs 5% more now [a].",
        "a\tb",
    ]
    (page,) = document.pages()
    assert str(at(page, "5%")) == "line 6"


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.rst", "Salt\n====\n\ntext\n\nRoads\n-----\n\nmore\n"), ("a.md", "# Salt\n\ntext\n\n## Roads\n\nmore\n")],
)
def test_headings_are_places(tmp_path: Path, name: str, text: str) -> None:
    document, _ = read(written(tmp_path / name, text))
    (page,) = document.pages()
    assert page.text == text
    place = at(page, "more")
    assert (place.heading, place.first_line) == ("Salt > Roads", text.count("\n", 0, text.index("more")) + 1)
    assert at(page, "text").heading == "Salt"


def test_front_matter_is_metadata_and_text(tmp_path: Path) -> None:
    text = '---\ntitle: "Salt"\nauthor: Ada\ndate: 2026-05-09\n---\n\n# Roads\n'
    document, pages = read(written(tmp_path / "a.md", text))
    assert document.metadata == Metadata("Salt", "Ada", "2026-05-09")
    assert pages[0][1] == text


PAGE = """<html lang="en"><head><title>The move</title><meta name="author" content="Ada"></head><body>
<nav><a href="/">Home</a></nav><div class="cookie-banner">We use cookies.</div>
<ul><li><a>One</a></li><li><a>Two</a></li><li><a>Three</a></li><li><a>Four</a></li><li><a>Five</a></li></ul>
<article><h1>The move</h1><p>{body}</p><footer>Signed by Ada.</footer></article>
<div id="related">Read next: storms.</div><footer>Imprint</footer></body></html>"""


def test_the_main_content_of_a_web_page(tmp_path: Path) -> None:
    body = "The lighthouse was moved forty metres. " * 10
    document, pages = read(written(tmp_path / "a.html", PAGE.format(body=body)))
    assert document.metadata == Metadata("The move", "Ada", None, "en")
    assert pages == [("The move", f"The move\n\n{body.strip()}\n\nSigned by Ada.")]
    assert document.left_out == {"words of navigation, banners and footers": 1 + 3 + 5 + 3 + 1}


def test_a_page_of_links_is_no_navigation(tmp_path: Path) -> None:
    links = "".join(f"<li><a href='{n}'>Chapter {n}</a></li>" for n in range(1, 12))
    document, pages = read(written(tmp_path / "a.html", f"<html><body><ul>{links}</ul></body></html>"))
    assert "Chapter 11" in pages[0][1]
    assert document.left_out == {}


@pytest.mark.parametrize("member", ["word/document.xml", "xl/workbook.xml"])
def test_a_broken_office_document_is_an_input_error(tmp_path: Path, member: str) -> None:
    path = samples.write_zip(tmp_path / "a.zip", {member: "<nothing"})
    with pytest.raises(InputError, match=r"is a broken (Word document|spreadsheet)"):
        list(open_document(str(path)).pages())


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.fb2", "<FictionBook>" + '<p a="' * 200_000),
        ("a.fb2", "<FictionBook>" + "<title>" * 200_000 + "text"),
        ("a.srt", "1\n00:00:01,000 --> 00:00:02,000\ntext\n" + "\n" * 1_000_000),
        ("a.tex", "\\a[" * 5_000),
        ("a.html", "<body>" + "<ul><li><a>x</a>" * 3_000),
    ],
)
@pytest.mark.timeout(60)
def test_what_is_never_closed_takes_no_time_to_speak_of(tmp_path: Path, name: str, data: str) -> None:
    with contextlib.suppress(InputError, NoTextError):
        list(open_document(str(written(tmp_path / name, data))).pages())
