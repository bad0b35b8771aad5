"""What changed between two versions is told by sections, sentence by sentence."""

from pathlib import Path

from freqkv_cli.comparing.diff import alike, diff
from freqkv_cli.documents.document import open_document
from freqkv_cli.events import Done, Text
from tests.documents.samples import write_pdf

OLD = """# Lease

The house stands by the harbour. It has two floors.

# Rent

The rent is 900 euros a month. It is due on the first day. Heating is not part of it.

# Pets

A dog may live in the house. More than one may not.

# Garden

The garden is looked after by the tenant. Apples belong to the owner.
"""
NEW = """# Lease

The house stands by the harbour. It has two floors.

# Rent

The rent is 980 euros a month. It is due on the first day. A deposit of two months is paid. Heating is not part of it.

# Orchard

The garden is looked after by the tenant. Apples belong to the owner.

# Bicycles

They stand in the shed behind the house.
"""


def compared(tmp_path: Path, old: str, new: str) -> Done:
    paths = [tmp_path / "old.md", tmp_path / "new.md"]
    for path, text in zip(paths, (old, new), strict=True):
        path.write_text(text)
    *_, text_event, done = diff(*(open_document(str(path)) for path in paths))
    assert isinstance(text_event, Text)
    assert isinstance(done, Done)
    assert text_event.delta == done.report["text"]
    return done


def test_changes_are_told_by_sections(tmp_path: Path) -> None:
    report = compared(tmp_path, OLD, NEW).report
    changes = {one["title"]: one for one in report["changes"]}
    assert set(changes) == {"Rent", "Pets", "Garden -> Orchard", "Bicycles"}
    assert [changes[title]["kind"] for title in ("Rent", "Pets", "Garden -> Orchard", "Bicycles")] == [
        "changed",
        "removed",
        "changed",
        "added",
    ]
    assert changes["Rent"]["sentences"] == [
        {"old": "The rent is 900 euros a month.", "new": "The rent is 980 euros a month."},
        {"old": None, "new": "A deposit of two months is paid."},
    ]
    assert (report["added"], report["removed"], report["changed"]) == (1, 1, 2)
    assert "- The rent is 900 euros a month.\n+ The rent is 980 euros a month." in report["text"]
    assert "removed: Pets [line" in report["text"]


def test_the_same_text_has_no_difference_however_it_is_wrapped(tmp_path: Path) -> None:
    report = compared(
        tmp_path, OLD, OLD.replace("two floors", "two\nfloors").replace("harbour. It", "harbour.\nIt")
    ).report
    assert report["text"] == "no difference in the text"
    assert report["changes"] == []


def test_a_text_without_headings_and_a_pdf_are_compared(tmp_path: Path) -> None:
    text = tmp_path / "a.txt"
    text.write_text("The key is under the mat. Nobody else has one.\n")
    pdf = write_pdf(tmp_path / "a.pdf", ["The key is under the stone. Nobody else has one."])
    *_, done = diff(open_document(str(text)), open_document(str(pdf)))
    assert isinstance(done, Done)
    (change,) = done.report["changes"]
    assert change["sentences"] == [{"old": "The key is under the mat.", "new": "The key is under the stone."}]


def test_likeness_is_a_share() -> None:
    assert alike("abc", "abc") == 1.0
    assert alike("abc", "xyz") == 0.0
