"""Who may import whom: the table of docs/design.md, checked against the source."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "freqkv_cli"
FILES = sorted(PACKAGE.rglob("*.py"))
HEAVY = {"torch", "transformers", "accelerate", "bitsandbytes", "numba", "peft"}
LIGHT = {"documents", "terminal", "config", "errors", "__main__", "__init__"}  # never import those
LATE = {"kvcache", "inference", "reading", "states", "answering", "summarizing"}  # for commands
LATE |= {"measurement", "evaluation", "benchmarks", "training"}


def read_table() -> list[tuple[str, set[str], set[str]]]:
    """Room, rooms it may import, libraries that are its own: the rows of the table in docs/design.md."""
    part = (
        (ROOT / "docs" / "design.md")
        .read_text(encoding="utf-8")
        .split("## What each folder may import")[1]
        .split("\n## ")[0]
    )
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if line.startswith("| `")
    ]
    names = [[set(re.findall(r"[\w.]+", cell)) for cell in row] for row in rows]
    return [(room.pop(), rooms, libraries) for room, rooms, libraries in names]


TABLE = read_table()
MAY_IMPORT = {room: rooms for room, rooms, _ in TABLE}
OWNERS = {
    library: {room for room, _, owned in TABLE if library in owned}
    for _, _, libraries in TABLE
    for library in libraries
}


def module_name(file: Path) -> str:
    return ".".join(file.relative_to(PACKAGE).with_suffix("").parts)


def room_of(file: Path) -> str:
    return module_name(file).split(".")[0]


def imports(file: Path, top_level_only: bool = False) -> Iterator[str]:
    """The modules a file imports; those for the type checker alone do not count."""
    pending: list[ast.AST] = [ast.parse(file.read_text(encoding="utf-8"))]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            pending.extend(node.orelse)
        elif not (top_level_only and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))):
            pending.extend(ast.iter_child_nodes(node))


def ours(file: Path, top_level_only: bool = False) -> Iterator[str]:
    """The modules of the package a file imports, without the package's name."""
    found = (one for one in imports(file, top_level_only) if one.startswith("freqkv_cli."))
    yield from (one.removeprefix("freqkv_cli.") for one in found)


def within(module: str, room: str) -> bool:
    return module == room or module.startswith(f"{room}.")


def test_the_table_has_a_row_for_every_room() -> None:
    assert sorted(MAY_IMPORT) == sorted({room_of(file) for file in FILES} - {"__version__"})


def test_rooms_import_only_what_the_table_allows() -> None:
    offences = [
        f"{module_name(file)} imports {imported}"
        for file in FILES
        for imported in ours(file)
        if not any(
            within(imported, one) for one in {*MAY_IMPORT[room_of(file)], room_of(file), "errors", "__version__"}
        )
    ]
    assert offences == []


def test_libraries_are_imported_by_their_owners_alone() -> None:
    offences = [
        f"{module_name(file)} imports {imported}"
        for file in FILES
        for imported in imports(file)
        if room_of(file) not in OWNERS.get(imported.split(".")[0], {room_of(file)})
    ]
    assert offences == []


def test_light_rooms_import_no_heavy_library() -> None:
    offences = [
        f"{module_name(file)} imports {imported}"
        for file in FILES
        if room_of(file) in LIGHT | {"commands"}
        for imported in imports(file, top_level_only=room_of(file) == "commands")
        if imported.split(".")[0] in HEAVY
    ]
    assert offences == []


def test_commands_import_heavy_rooms_late() -> None:
    offences = [
        f"{module_name(file)} imports {imported}"
        for file in FILES
        if room_of(file) == "commands"
        for imported in ours(file, top_level_only=True)
        if imported.split(".")[0] in LATE and not within(imported, "kvcache.policies")  # names and help alone
    ]
    assert offences == []


def test_the_rules_see_an_offence(tmp_path: Path) -> None:
    file = tmp_path / "x.py"
    file.write_text("import torch.nn\nif TYPE_CHECKING:\n    import a\ndef f():\n    from transformers import b\n")
    assert list(imports(file, top_level_only=True)) == ["torch.nn"]
    assert sorted(imports(file)) == ["torch.nn", "transformers.b"]


def test_every_room_says_what_it_is_for() -> None:
    for folder in {file.parent for file in FILES}:
        assert ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))), folder
