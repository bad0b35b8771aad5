"""Who may import whom (the rooms of the package), read from the source."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "freqkv_cli"
FILES = sorted(PACKAGE.rglob("*.py"))
HEAVY = ("torch", "transformers", "accelerate", "bitsandbytes", "numba", "peft")

# Our modules that a room may import, beside itself, errors and the version.
MAY_IMPORT = {
    "config": (),
    "events": (),
    "documents": (),
    "kvcache": ("config",),
    "models": ("config", "kvcache", "events", "quantized"),
    "quantized": (),
    "inference": ("config", "kvcache", "models", "quantized"),
    "retrieval": ("documents", "answering"),
    "reading": ("config", "documents", "events", "inference", "kvcache", "models", "quantized", "retrieval"),
    "states": ("config", "documents", "events", "inference", "kvcache", "models", "retrieval", "reading"),
    "answering": ("config", "documents", "events", "kvcache", "retrieval", "reading", "states", "summarizing"),
    "summarizing": ("config", "documents", "events", "retrieval", "reading", "states", "answering"),
    "terminal": ("config", "events"),
    "commands": (
        "config",
        "documents",
        "events",
        "kvcache",
        "lab",
        "models",
        "reading",
        "states",
        "answering",
        "summarizing",
        "terminal",
    ),
    "lab": (
        "config",
        "documents",
        "events",
        "inference",
        "kvcache",
        "models",
        "retrieval",
        "reading",
        "states",
        "answering",
        "summarizing",
    ),
    "api": ("config", "documents", "events", "reading", "states", "answering", "summarizing"),
    "__main__": ("commands", "terminal"),
    "errors": (),
    "__init__": ("api",),
}
# Libraries with one owner.
OWNERS = {
    "typer": ("commands",),
    "prompt_toolkit": ("terminal",),
    "rich": ("terminal", "commands.models", "commands.info", "commands.doctor"),
    "pypdf": ("documents",),
    "selectolax": ("documents",),
    "charset_normalizer": ("documents",),
    "sqlite3": ("retrieval",),
    "peft": ("lab",),
    "matplotlib": ("lab",),
}


def module_name(file: Path) -> str:
    return ".".join(file.relative_to(PACKAGE).with_suffix("").parts)


def imports(file: Path, top_level_only: bool = False) -> Iterator[str]:
    """The modules a file imports; those for the type checker alone do not count."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    pending: list[ast.AST] = [tree]
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


def within(module: str, room: str) -> bool:
    return module == room or module.startswith(f"{room}.")


@pytest.mark.parametrize("file", FILES, ids=module_name)
def test_rooms_import_only_what_they_may(file: Path) -> None:
    room = module_name(file).split(".")[0]
    allowed = (*MAY_IMPORT[room], room, "errors", "__version__")
    for imported in imports(file):
        if imported.startswith("freqkv_cli."):
            ours = imported.removeprefix("freqkv_cli.")
            assert any(within(ours, one) for one in allowed), f"{module_name(file)} imports {imported}"


@pytest.mark.parametrize("file", FILES, ids=module_name)
def test_libraries_have_one_owner(file: Path) -> None:
    for imported in imports(file):
        owners = OWNERS.get(imported.split(".")[0])
        assert owners is None or any(within(module_name(file), owner) for owner in owners), imported


@pytest.mark.parametrize("file", FILES, ids=module_name)
def test_light_rooms_stay_light(file: Path) -> None:
    room = module_name(file).split(".")[0]
    never = room in ("documents", "terminal", "config", "errors", "__main__", "__init__")
    if never or room == "commands":
        heavy = [one for one in imports(file, top_level_only=not never) if one.split(".")[0] in HEAVY]
        assert heavy == []


@pytest.mark.parametrize("file", FILES, ids=module_name)
def test_commands_load_heavy_rooms_late(file: Path) -> None:
    if within(module_name(file), "commands"):
        for imported in imports(file, top_level_only=True):
            ours = imported.removeprefix("freqkv_cli.")
            late = ("inference", "kvcache", "reading", "states", "answering", "summarizing", "lab")
            assert not any(within(ours, room) for room in late), imported


def test_the_rules_see_an_offence(tmp_path: Path) -> None:
    file = tmp_path / "x.py"
    file.write_text("import torch.nn\nif TYPE_CHECKING:\n    import a\ndef f():\n    from transformers import b\n")
    assert list(imports(file, top_level_only=True)) == ["torch.nn"]
    assert sorted(imports(file)) == ["torch.nn", "transformers.b"]


def test_every_room_says_what_it_is_for() -> None:
    for folder in {file.parent for file in FILES}:
        assert ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))), folder
