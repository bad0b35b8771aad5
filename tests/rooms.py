"""Draws docs/rooms.svg, who may import whom, from the table of docs/design.md. Run it: python -m tests.rooms"""

from pathlib import Path
from xml.sax.saxutils import escape

from tests.test_architecture import MAY_IMPORT, ROOT

PICTURE = ROOT / "docs" / "rooms.svg"
LEFT_OUT = {"errors", "__init__"}  # everybody imports the one, nobody the other
WIDTH, HEIGHT = 900, 64  # of the picture and of a row; pixels
BOX = 108, 26
STYLE = (
    "rect{fill:#eef3fa;stroke:#3b6ea5}path{stroke:#8aa;fill:none}"
    "text{font:13px sans-serif;text-anchor:middle;fill:#123}.ground{fill:#fff;stroke:none}"
)


def below() -> dict[str, set[str]]:
    """Return for each room the rooms that it may import, its own and those that two sorts of table cells name."""
    return {
        room: {one.split(".")[0] for one in rooms} - LEFT_OUT - {room}
        for room, rooms in MAY_IMPORT.items()
        if room not in LEFT_OUT
    }


def reached(room: str, graph: dict[str, set[str]]) -> set[str]:
    """Return all rooms below one."""
    return graph[room].union(*(reached(one, graph) for one in graph[room]))


def direct(graph: dict[str, set[str]]) -> list[tuple[str, str]]:
    """Return the pairs that no way through a third room connects already."""
    return sorted(
        (room, one)
        for room, rooms in graph.items()
        for one in rooms
        if not any(one in reached(other, graph) for other in rooms - {one})
    )


def levels(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the rooms in rows, each above all that it may import; in a row as the table has them."""

    def level(room: str) -> int:
        return 1 + max((level(one) for one in graph[room]), default=-1)

    found: dict[int, list[str]] = {}
    for room in graph:
        found.setdefault(level(room), []).append(room)
    return [found[number] for number in sorted(found, reverse=True)]


def draw() -> str:
    """Return the picture."""
    graph = below()
    rows = levels(graph)
    places = {
        room: (WIDTH * (column + 0.5) / len(row), HEIGHT * (line + 0.5))
        for line, row in enumerate(rows)
        for column, room in enumerate(row)
    }
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT * len(rows)}" role="img" '
        'aria-label="Rooms of freqkv_cli; a room may import those that lines lead down to">',
        f'<style>{STYLE}</style><rect class="ground" width="100%" height="100%"/>',
    ]
    for room, other in direct(graph):
        (x, y), (left, down) = places[room], places[other]
        lines.append(f'<path d="M{x:.0f} {y + BOX[1] / 2:.0f}L{left:.0f} {down - BOX[1] / 2:.0f}"/>')
    for room, (x, y) in places.items():
        corner = f'x="{x - BOX[0] / 2:.0f}" y="{y - BOX[1] / 2:.0f}"'
        lines.append(f'<rect {corner} width="{BOX[0]}" height="{BOX[1]}" rx="4"/>')
        lines.append(f'<text x="{x:.0f}" y="{y + 5:.0f}">{escape(room)}</text>')
    return "\n".join([*lines, "</svg>"]) + "\n"


if __name__ == "__main__":
    Path(PICTURE).write_text(draw(), encoding="utf-8")
    print(f"{PICTURE} is drawn")
