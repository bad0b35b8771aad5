"""What a table comes to is counted from its passages."""

from pathlib import Path

import pytest

from freqkv_cli.documents.document import open_document
from freqkv_cli.retrieval.retriever import Retriever
from freqkv_cli.retrieval.table import size_of


def counted(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    with open_document(str(path)) as document:
        retriever = Retriever([document])
        for page in document.pages():
            retriever.add(0, page)
        retriever.finish()
        return "\n".join(retriever.table.lines)


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


def test_prose_is_no_table(tmp_path: Path) -> None:
    assert counted(tmp_path / "note.txt", "Dear Ann: come soon; bring: bread and salt.\n" * 20) == ""


@pytest.mark.parametrize(
    ("value", "size"),
    [("12", 12), ("1,150.50", 1150.5), ("-3", -3), ("1:38:19", 5899), ("2:05", 125), ("about 7", None), ("nan", None)],
)
def test_sizes(value: str, size: float | None) -> None:
    assert size_of(value) == size
