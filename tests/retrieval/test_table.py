"""What a table comes to is counted from its passages."""

from pathlib import Path

import pytest

from freqkv_cli.documents.document import open_document
from freqkv_cli.retrieval.retriever import Retriever
from freqkv_cli.retrieval.table import size_of


def found_in(path: Path, text: str) -> Retriever:
    path.write_text(text, encoding="utf-8")
    with open_document(str(path)) as document:
        retriever = Retriever([document])
        for page in document.pages():
            retriever.add(0, page)
        retriever.finish()
        return retriever


def counted(path: Path, text: str) -> str:
    return "\n".join(found_in(path, text).table.lines)


def test_rows_ranges_and_frequent_values_are_counted(tmp_path: Path) -> None:
    rows = [f"{number},{'red' if number % 3 else 'blue'},1:{number % 60:02}:05,2024" for number in range(1, 101)]
    text = counted(tmp_path / "race.csv", "\n".join(["rank,colour,time,year", *rows]) + "\n")
    assert text.split("\n") == [
        "Counted: 100 rows",
        "rank: 1 to 100",
        "colour: red (67), blue (33)",
        "time: 1:00:05 to 1:59:05",
        "year: 2024 (100)",
    ]


def test_the_rows_of_the_lowest_and_the_highest_are_named(tmp_path: Path) -> None:
    """By the first column that tells them apart and is no number; of several the first, and how many there are."""
    rows = [f"{one},Pier {one % 3},job {one},{min(one, 28)},2025-{one % 12 + 1:02}-{one:02}" for one in range(1, 31)]
    assert counted(tmp_path / "jobs.csv", "\n".join(["no,site,name,cost,day", *rows]) + "\n").split("\n") == [
        "Counted: 30 rows",
        "no: 1 (name: job 1) to 30 (name: job 30)",
        "site: Pier 1 (10), Pier 2 (10), Pier 0 (10)",
        "name: 30 different",
        "cost: 1 (name: job 1) to 28 (name: job 28 and 2 more)",
        "day: 2025-01-12 (name: job 12) to 2025-12-23 (name: job 23)",
    ]


def test_records_are_counted_and_what_lies_deeper_is_not(tmp_path: Path) -> None:
    records = ", ".join(f'{{"id": {one}, "state": "open", "log": [{{"by": "x"}}, {{"by": "y"}}]}}' for one in range(30))
    assert counted(tmp_path / "export.json", f'{{"count": 30, "items": [{records}]}}').split("\n") == [
        "Counted: 30 records",
        "id: 0 to 29",
        "state: open (30)",
    ]


def test_a_column_of_a_million_values_is_held_in_little_memory(tmp_path: Path) -> None:
    rows = "\n".join(f"{number},name {number}" for number in range(3000))
    assert "name: more than 200 different" in counted(tmp_path / "long.csv", f"id,name\n{rows}\n")


CLUBS = ("Ibex", "Ibex Brandbach", "Laufclub")
RACE = "".join(
    f"{one},Runner {one},{CLUBS[one % 3]},{('finished', 'did not finish')[one % 5 == 0]},7\n" for one in range(60)
)


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("How many runners are there?", {}),
        ("How many runners has the Laufclub?", {"club": ["Laufclub"]}),
        ("How many of Ibex Brandbach finished?", {"club": ["Ibex Brandbach"], "status": ["finished"]}),
        ("Did more of Ibex or of the Laufclub finish?", {"club": ["Ibex", "Laufclub"], "status": ["finished"]}),
        ("How many did not finish?", {"status": ["did not finish"]}),
        ("Where is Runner 7?", {}),
        ("Who is in group 7?", {"group": ["7"]}),
    ],
)
def test_values_that_a_question_names(tmp_path: Path, question: str, named: dict[str, list[str]]) -> None:
    table = found_in(tmp_path / "race.csv", f"no,name,club,status,group\n{RACE}").table
    found = table.named_in(question, "en")
    assert {name: sorted(values) for name, values in found.items()} == named


@pytest.mark.parametrize(
    ("question", "named"),
    [("how fast was runner 7?", True), ("How fast was the Laufclub?", False), ("How many runners are there?", False)],
)
def test_a_single_row_is_known_by_what_tells_it_apart(tmp_path: Path, question: str, named: bool) -> None:
    table = found_in(tmp_path / "race.csv", f"no,name,club,status,group\n{RACE}").table
    assert table.names_row(question, "en") is named


def test_only_the_rows_with_these_values_are_counted(tmp_path: Path) -> None:
    retriever = found_in(tmp_path / "race.csv", f"no,name,club,status,group\n{RACE}")
    assert retriever.selected({"club": ["Ibex", "Laufclub"], "status": ["did not finish"]}).lines == [
        "Counted: 8 rows with club: Ibex or Laufclub; status: did not finish",
        "no: 0 (name: Runner 0) to 50 (name: Runner 50)",
        "name: 8 different",
        "club: Ibex (4), Laufclub (4)",
        "status: did not finish (8)",
        "group: 7 (8)",
    ]
    assert retriever.selected({"no": ["7"]}).lines[0] == "Counted: 1 row with no: 7"
    assert retriever.selected({"club": ["Marathon"]}).lines == ["Counted: none of the 60 rows has club: Marathon"]


def test_prose_is_no_table(tmp_path: Path) -> None:
    assert counted(tmp_path / "note.txt", "Dear Ann: come soon; bring: bread and salt.\n" * 20) == ""


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ("12", 12),
        ("1,150.50", 1150.5),
        ("-3", -3),
        ("1:38:19", 5899),
        ("2:05", 125),
        ("about 7", None),
        ("nan", None),
        ("1970-01-02", 86400),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970", 1970),
        ("70-01-02", None),
    ],
)
def test_sizes(value: str, size: float | None) -> None:
    assert size_of(value) == size
