"""Plan which crates of records go on which shelf of an archive.

Crates are placed heaviest first on the lowest shelf that can bear them; fragile crates never go above eye level.
Written for the Tannhill sound archive, which has 14 bays of 5 shelves each.
"""

from __future__ import annotations

import csv
import sys
from dataclasses import dataclass, field

SHELF_LIMIT_KG = 180  # what one shelf bears, by the maker's plate
RESERVE = 0.85  # share of the limit that is used; the rest is for readers who lean on things
EYE_LEVEL = 3  # shelves are counted from the floor, beginning with 1
BAYS = 14
SHELVES_PER_BAY = 5


class OverloadError(Exception):
    """Raised when a crate fits on no shelf."""


@dataclass(order=True)
class Crate:
    """A crate with its label and weight."""

    weight_kg: float
    label: str = field(compare=False)
    fragile: bool = field(default=False, compare=False)


@dataclass
class Shelf:
    bay: int
    level: int
    crates: list[Crate] = field(default_factory=list)

    @property
    def load_kg(self) -> float:
        return sum(crate.weight_kg for crate in self.crates)

    def bears(self, crate: Crate) -> bool:
        """Whether the crate may be put here."""
        if crate.fragile and self.level > EYE_LEVEL:
            return False
        return self.load_kg + crate.weight_kg <= SHELF_LIMIT_KG * RESERVE


def read_crates(path: str) -> list[Crate]:
    """Read label, weight and an optional mark 'F' from a CSV file with semicolons.

    Rows without a weight are skipped with a warning on stderr: they are crates that are on loan.
    """
    crates = []
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.reader(file, delimiter=";"):
            if len(row) < 2 or not row[1].strip():
                print(f"skipped: {row[0] if row else '(empty)'}", file=sys.stderr)
                continue
            crates.append(Crate(float(row[1].replace(",", ".")), row[0], "F" in row[2:]))
    return crates


def plan(crates: list[Crate]) -> list[Shelf]:
    """Return the shelves with their crates.

    Raises OverloadError when a crate fits nowhere.
    """
    shelves = [Shelf(bay, level) for level in range(1, SHELVES_PER_BAY + 1) for bay in range(1, BAYS + 1)]
    for crate in sorted(crates, reverse=True):
        for shelf in shelves:
            if shelf.bears(crate):
                shelf.crates.append(crate)
                break
        else:
            raise OverloadError(f"{crate.label} ({crate.weight_kg} kg) fits on no shelf")
    return shelves


def report(shelves: list[Shelf]) -> str:
    """Return one line for each shelf that holds something."""
    # TODO(rowena): sort by bay instead of by level; the porters walk along the bays.
    return "\n".join(
        f"bay {shelf.bay:2d} shelf {shelf.level}: {len(shelf.crates):3d} crates, {shelf.load_kg:6.1f} kg"
        for shelf in shelves
        if shelf.crates
    )


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: shelf_planner.py CRATES.csv", file=sys.stderr)
        return 64
    try:
        print(report(plan(read_crates(sys.argv[1]))))
    except OverloadError as error:
        print(error, file=sys.stderr)
        return 3
    except OSError as error:
        print(f"cannot read {sys.argv[1]}: {error.strerror}", file=sys.stderr)
        return 66
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
