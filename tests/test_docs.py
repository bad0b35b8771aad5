"""What the documents say of the code is so."""

import re
from pathlib import Path

import pytest

from tests import rooms
from tests.test_architecture import MAY_IMPORT

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "freqkv_cli"
DESIGN = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`([\w/]+\.py): (\w+)`", DESIGN)


def test_the_figure_of_the_rooms_is_that_of_the_table() -> None:
    assert rooms.PICTURE.read_text(encoding="utf-8") == rooms.draw()  # python -m tests.rooms


@pytest.mark.parametrize(("file", "name"), sorted(set(NAMED)))
def test_the_walk_names_what_there_is(file: str, name: str) -> None:
    assert re.search(rf"^\s*(?:def|class) {name}\b", (PACKAGE / file).read_text(encoding="utf-8"), re.MULTILINE)


def test_the_walk_passes_every_room_of_a_reading() -> None:
    passed = {file.partition("/")[0].removesuffix(".py") for file, _ in NAMED}
    not_on_the_way = {"evaluation", "benchmarks", "training", "measurement", "api", "errors", "__init__", "prompts"}
    not_on_the_way |= {"batch", "comparing", "following", "serving", "native_defaults"}  # other tasks
    assert set(MAY_IMPORT) - not_on_the_way <= passed


@pytest.mark.parametrize("document", ["design.md", "contributing.md"])
def test_files_that_are_named_exist(document: str) -> None:
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    named = set(re.findall(r"(?<![\w/.])((?:\w+/)+\w+\.(?:py|md|svg|json))\b", text))
    assert named
    missing = [name for name in named if not any((root / name).exists() for root in (PACKAGE, ROOT, ROOT / "docs"))]
    assert missing == []
