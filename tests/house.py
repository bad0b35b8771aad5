"""The figures of the house: what is too long, called alike, or in words of our own. Run it: python tests/house.py"""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "freqkv_cli"
LONGEST_FILE = 300  # lines
LARGEST_ROOM = 24  # files
MOST_MUTABLE = 8  # fields of one class
MEASURING = ("benchmarks", "evaluation", "training")  # rooms that a reader of documents carries along
LARGEST_MEASURING = 4000  # lines of all three

# Our own words, and the field's for the same thing; see docs/design.md. Whole words, in names of modules, classes,
# functions and in the docs that are not dated.
PRIVATE_WORDS = {
    "contenders": "policy specs",
    "cut_back": "truncate",
    "desk": "document service",
    "foresight": "importance predictor",
    "foretelling": "importance predictor",
    "halving": "fast low-pass",
    "lookahead": "prompt lookup",
    "relay": "run_in_thread",
    "shelf": "state cache",
    "stretches": "sections",
    "take_back": "rollback",
    "trimming": "lazy imports",
    "verdicts": "grading",
    "weigh": "score_continuations",
}


def long_files() -> dict[str, int]:
    """Return the files above LONGEST_FILE lines, and their lines."""
    lines = {_name(file): _lines(file) for file in PACKAGE.rglob("*.py")}
    return {name: count for name, count in lines.items() if count > LONGEST_FILE}


def large_rooms() -> dict[str, int]:
    """Return the rooms with more than LARGEST_ROOM files, and how many they have."""
    files = Counter(_name(file.parent) for file in PACKAGE.rglob("*.py"))
    return {room: count for room, count in files.items() if count > LARGEST_ROOM}


def measuring_lines() -> int:
    """Return the lines of the rooms that only measure and train."""
    return sum(
        _lines(file) for room in MEASURING for end in ("py", "mjs") for file in (PACKAGE / room).rglob(f"*.{end}")
    )


def classes_used_twice() -> set[str]:
    """Return the names that more than one class has."""
    names = Counter(
        node.name
        for file in PACKAGE.rglob("*.py")
        for node in ast.walk(_parsed(file))
        if isinstance(node, ast.ClassDef)
    )
    return {name for name, count in names.items() if count > 1}


def changing_classes() -> dict[str, int]:
    """Return the classes with more than MOST_MUTABLE fields that change, and how many.

    These are the fields with a default of a dataclass that is not frozen, and what methods other than `__init__` set.
    """
    found = {}
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(_parsed(file)):
            if isinstance(node, ast.ClassDef) and (fields := _mutable_fields(node)) > MOST_MUTABLE:
                found[f"{_name(file)}: {node.name}"] = fields
    return found


def _mutable_fields(node: ast.ClassDef) -> int:
    decorators = [ast.unparse(one) for one in node.decorator_list]
    fields: set[str] = set()
    if any(one.startswith("dataclass") for one in decorators):
        if any("frozen=True" in one for one in decorators):
            return 0
        fields = {ast.unparse(one.target) for one in node.body if isinstance(one, ast.AnnAssign) and one.value}
    for method in node.body:
        if isinstance(method, ast.FunctionDef) and method.name not in ("__init__", "__post_init__"):
            fields |= {name for one in ast.walk(method) for name in _set_on_self(one)}
    return len(fields)


def _set_on_self(node: ast.AST) -> Iterator[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AugAssign) else []
    for one in (part for target in targets for part in ast.walk(target)):
        if isinstance(one, ast.Attribute) and isinstance(one.value, ast.Name) and one.value.id == "self":
            yield one.attr


def private_words() -> set[tuple[str, str]]:
    """Return the places, file and word, where one of PRIVATE_WORDS is used as a name or told to a reader."""
    return {(_name(file), word) for file, text in _named() for word in PRIVATE_WORDS if _holds(text, word)}


def _named() -> Iterator[tuple[Path, str]]:
    """Every file with what names something in it: modules, classes and functions of code, whole documents."""
    for file in PACKAGE.rglob("*.py"):
        tree = _parsed(file)
        kinds = (ast.ClassDef, ast.FunctionDef)
        names = [node.name for node in ast.walk(tree) if isinstance(node, kinds)]
        yield file, " ".join([file.stem, *names])
    for file in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        if file.name != "experiments.md":  # dated: its words are those of the day
            yield file, file.read_text(encoding="utf-8")


@cache
def _parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def _holds(text: str, word: str) -> bool:
    return re.search(rf"(?<![\w-]){word}(?![\w-])", text) is not None


def _lines(file: Path) -> int:
    return len(file.read_text(encoding="utf-8").splitlines())


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def main() -> None:
    """Print all figures."""
    print(f"files above {LONGEST_FILE} lines: {long_files()}")
    print(f"rooms above {LARGEST_ROOM} files: {large_rooms()}")
    print(f"lines of {', '.join(MEASURING)}: {measuring_lines()} (to be below {LARGEST_MEASURING})")
    print(f"class names used twice: {sorted(classes_used_twice())}")
    print(f"classes with more than {MOST_MUTABLE} fields that change: {changing_classes()}")
    print(f"words of our own: {sorted(private_words())}")


if __name__ == "__main__":
    main()
