"""The layout of PDF pages: columns of prose one after another, rows of tables as rows; what repeats is left out."""

from collections.abc import Callable
from pathlib import Path

import pytest
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from freqkv_cli.documents import open_document

WORDS = ["harbour", "keeper", "salt", "mountain", "road", "carried", "bell", "tower", "market", "council", "storm"]
LEADING = 12


def prose(seed: int, count: int, width: float = 235) -> list[str]:
    """Lines of words that fill `width` points at 10 points."""
    lines: list[str] = []
    line, at = "", seed
    while len(lines) < count:
        word = WORDS[at * at % len(WORDS)] + "s" * (at % 3)
        at += 1
        if stringWidth(f"{line} {word}", "Helvetica", 10) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return lines


def page_of(path: Path, draw: Callable[[Canvas], None], pages: int = 1) -> list[str]:
    """Draw a PDF and return the texts of its pages."""
    canvas = Canvas(str(path), pagesize=A4)
    for _ in range(pages):
        canvas.setFont("Helvetica", 10)
        draw(canvas)
        canvas.showPage()
    canvas.save()
    return [page.text for page in open_document(str(path)).pages()]


def column(canvas: Canvas, x: float, y: float, lines: list[str]) -> None:
    for index, line in enumerate(lines):
        canvas.drawString(x, y - index * LEADING, line)


def table(canvas: Canvas, y: float, rows: list[list[str]], places: tuple[int, ...], *, by_column: bool = False) -> None:
    """Draw rows whose cells behind the second are aligned to the right."""
    cells = [(column, row) for column in range(len(places)) for row in range(len(rows))]
    for at, row in cells if by_column else sorted(cells, key=lambda cell: (cell[1], cell[0])):
        (canvas.drawString if at < 2 else canvas.drawRightString)(places[at], y - row * 14, rows[row][at])


def flat(text: str) -> list[str]:
    return [line for line in text.split("\n") if line]


def test_columns_are_read_one_after_another_whatever_their_order_in_the_file(tmp_path: Path) -> None:
    title, left, right, note = prose(1, 2, 480), prose(2, 30), prose(3, 26), prose(4, 3, 480)

    def draw(canvas: Canvas) -> None:
        column(canvas, 50, 300, note)
        for index in range(30):
            if index < len(right):
                canvas.drawString(310, 700 - index * LEADING, right[index])
            canvas.drawString(50, 700 - index * LEADING, left[index])
        column(canvas, 50, 780, title)

    (text,) = page_of(tmp_path / "a.pdf", draw)
    assert flat(text) == title + left + right + note


def test_three_columns(tmp_path: Path) -> None:
    columns = [prose(seed, 40, 150) for seed in (5, 6, 7)]

    def draw(canvas: Canvas) -> None:
        for index, lines in enumerate(columns):
            column(canvas, 50 + 170 * index, 780, lines)

    (text,) = page_of(tmp_path / "a.pdf", draw)
    assert flat(text) == [line for lines in columns for line in lines]


ROWS = [
    ["Date", "Description", "Debit", "Credit", "Balance"],
    ["07.01.2025", "Direct debit of the energy company", "84.20", "", "1,200.00"],
    ["15.01.2025", "Salary from the shipping company", "", "3,140.55", "4,340.55"],
    ["21.01.2025", "Card payment in the corner shop", "36.90", "", "4,303.65"],
    ["28.01.2025", "Refund of the corner shop", "", "12.50", "4,316.15"],
    ["03.02.2025", "Rent for the house in Havnegata", "1,150.00", "", "3,166.15"],
]


@pytest.mark.parametrize("by_column", [False, True])
def test_rows_of_a_table_stay_rows_and_empty_cells_keep_their_place(tmp_path: Path, by_column: bool) -> None:
    (text,) = page_of(
        tmp_path / "a.pdf", lambda canvas: table(canvas, 780, ROWS, (50, 130, 380, 450, 540), by_column=by_column)
    )
    assert flat(text) == ["\t".join(row) for row in ROWS]


def test_words_that_are_moved_apart_without_a_space_stay_apart(tmp_path: Path) -> None:
    lines = prose(8, 10, 480)

    def draw(canvas: Canvas) -> None:
        for index, line in enumerate(lines):
            x = 50.0
            for word in line.split():
                canvas.drawString(x, 780 - index * LEADING, word)
                x += stringWidth(word, "Helvetica", 10) + 2.6

    assert flat(page_of(tmp_path / "a.pdf", draw)[0]) == lines


def test_a_page_that_is_turned_and_a_stamp_in_the_margin(tmp_path: Path) -> None:
    lines = prose(9, 12, 400)

    def turned(canvas: Canvas) -> None:
        canvas.rotate(90)
        column(canvas, 50, -50, lines)

    def stamped(canvas: Canvas) -> None:
        column(canvas, 90, 780, lines)
        canvas.translate(40, 300)
        canvas.rotate(90)
        canvas.drawString(0, 0, "arXiv:2505.00570v1 2 May 2025")

    assert flat(page_of(tmp_path / "a.pdf", turned)[0]) == lines
    assert flat(page_of(tmp_path / "b.pdf", stamped)[0]) == [*lines, "arXiv:2505.00570v1 2 May 2025"]


def test_a_word_that_the_end_of_a_column_cuts_is_whole(tmp_path: Path) -> None:
    left, right = prose(10, 20), prose(11, 20)
    left[-1], right[0] = left[-1].rsplit(" ", 1)[0] + " break-", "water " + right[0].rsplit(" ", 1)[0]

    def draw(canvas: Canvas) -> None:
        column(canvas, 50, 780, left)
        column(canvas, 310, 780, right)

    (text,) = page_of(tmp_path / "a.pdf", draw)
    assert "breakwater" in text


def with_edges(canvas: Canvas, number: int, body: list[str]) -> None:
    canvas.setFont("Helvetica", 10)
    canvas.drawString(50, 810, "ANNALS OF THE HARBOUR")
    canvas.drawString(50, 40, "Draft, not for circulation")
    canvas.drawRightString(540, 40, f"Page {number} of 5")
    column(canvas, 50, 770, body)
    canvas.showPage()


def test_running_lines_are_left_out_and_counted_and_cut_words_joined_across_them(tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=A4)
    for number in range(1, 6):
        body = prose(number, 8, 480)
        if number == 3:
            body[-1] = "The breakwater cost twelve thou-"
        if number == 4:
            body = ["CHAPTER TWO", *body]
            body[0] = "sand crowns. " + body[1]
        with_edges(canvas, number, body)
    canvas.save()
    document = open_document(str(tmp_path / "a.pdf"))
    pages = [page.text for page in document.pages()]
    assert pages[0].startswith("ANNALS OF THE HARBOUR\nDraft, not for circulation\n\n")  # said once
    assert all("ANNALS" not in text and "circulation" not in text for text in pages[1:])
    assert not any("Page" in text for text in pages)
    assert pages[2].endswith("The breakwater cost twelve thousand")
    assert pages[3].startswith("crowns. ")
    # Three lines a page, of which the header and the footer of the first stay (its page number with the footer).
    assert document.left_out == {"header and footer lines": 2 * 5 - 2}


def test_a_heading_that_stands_once_at_the_top_stays(tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=A4)
    for number in range(1, 6):
        canvas.setFont("Helvetica", 10)
        column(canvas, 50, 810, [f"Chapter of the {WORDS[number]}", *prose(number, 6, 480)])
        canvas.showPage()
    canvas.save()
    document = open_document(str(tmp_path / "a.pdf"))
    firsts = [page.text.split("\n")[0] for page in document.pages()]
    assert firsts == [f"Chapter of the {WORDS[number]}" for number in range(1, 6)]
    assert document.left_out == {}


def test_the_head_of_a_table_that_goes_on_over_pages_stays(tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=A4)
    for number in range(4):
        canvas.setFont("Helvetica", 10)
        rows = [["Date", "Item", "Amount"]] + [
            [f"{day}.{number + 1}.2025", f"item {day}", f"{day * number}.00"] for day in range(3, 9)
        ]
        table(canvas, 810, rows, (50, 130, 380))
        canvas.showPage()
    canvas.save()
    texts = [page.text for page in open_document(str(tmp_path / "a.pdf")).pages()]
    assert [text.split("\n")[0] for text in texts] == ["Date\tItem\tAmount"] * 4


def test_page_labels_stand_beside_page_numbers(data: Path) -> None:
    places = {page.number: page.locate() for page in open_document(str(data / "developers-reference.pdf")).pages()}
    assert (str(places[3]), str(places[13])) == ("p. i (3)", "p. 5 (13)")
    above = "Resources for Debian Members > The Debian archive > Distributions > Stable, testing, and unstable"
    assert places[31].heading == above


def test_a_table_with_few_filled_cells_is_rows_and_a_narrow_gap_of_its_head_parts_cells(tmp_path: Path) -> None:
    head = ["Product Code", "Place", "Expected", "Actual", "Variance"]
    rows = [["SK-8847", "A-12", "450"], ["", "B-07", "", "289", "-23"], ["SK-9201", "", "780", "778"]]
    rows += [["", "C-15", "", "", "+15"], ["SK-4563", "D-22", "", "156"], ["", "", "180", "", "-24"]]
    rows += [["SK-7728", "A-08", "920"], ["", "", "", "935", "+15"]]
    places = (
        50,
        50 + int(stringWidth("Product Code", "Helvetica", 10)) + 8,
        190,
        260,
        330,
    )  # 8: no wider than two spaces

    def draw(canvas: Canvas) -> None:
        for number, row in enumerate([head, *rows]):
            for x, cell in zip(places, row, strict=False):
                canvas.drawString(x, 700 - 20 * number, cell)

    (text,) = page_of(tmp_path / "a.pdf", draw)
    assert flat(text) == ["\t".join(row) for row in [head, *rows]]
