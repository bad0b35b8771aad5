"""Places as a citation says them."""

import pytest

from freqkv_cli.documents.page import Page
from freqkv_cli.location import Location


@pytest.mark.parametrize(
    ("location", "text"),
    [
        (Location(page=12, heading="Costs"), "p. 12"),
        (Location(page=4, page_label="iv"), "p. iv (4)"),
        (Location(first_line=3, last_line=9, heading="Costs"), "lines 3-9"),
        (Location(first_line=3, last_line=3), "line 3"),
        (Location(label="sheet Costs", unit="row", first_line=2, last_line=9), "sheet Costs, rows 2-9"),
        (Location(label="slide 4", heading="Launch"), "slide 4"),
        (Location(label="00:10:30"), "00:10:30"),
        (Location(part=7, heading="Costs > Rent"), "Costs > Rent"),
        (Location(part=7), "part 7"),
    ],
)
def test_wording(location: Location, text: str) -> None:
    assert str(location) == location.text == text


def test_a_stretch_goes_on_within_one_sheet_only() -> None:
    first, last = (Location(label="sheet A", unit="row", first_line=n, last_line=n) for n in (2, 9))
    assert str(first.to(last)) == "sheet A, rows 2-9"
    assert first.to(Location(label="sheet B", unit="row", first_line=9)) == first
    event = Location(label="10:30", first_line=2, last_line=9)
    assert event.to(Location(label="11:00", first_line=40)).text == "10:30, lines 2-40"
    assert Location(label="00:10:30").to(Location(label="00:11:00")).text == "00:10:30"


def test_a_page_knows_the_places_in_it() -> None:
    lines = Page("one\ntwo\nthree\n", 1, 10)
    assert [str(lines.locate()), str(lines.locate(4, 7)), str(lines.locate(4, 9))] == [
        "lines 10-12",
        "line 11",
        "lines 11-12",
    ]
    marks = ((0, Location(label="00:00:01")), (4, Location(label="00:00:05")))
    cues = Page("one\ntwo\nthree", 1, None, None, Location(label="00:00:01"), marks)
    assert [str(cues.locate()), str(cues.locate(5, 7)), str(cues.locate(0, 3))] == ["00:00:01", "00:00:05", "00:00:01"]
    timed = Page("one\ntwo\nthree", 1, 10, None, None, marks)
    assert str(timed.locate(4, 9)) == "00:00:05, lines 11-12"
    assert Page("text", 3, None, "Costs").locate() == Location(part=3, heading="Costs")
