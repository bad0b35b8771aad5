"""Records a real run of freqkv into docs/recording.svg, which plays it: everything is as the program wrote it.

    python -m tests.recording [-o FILE] [-C FOLDER] summarize hill_race.csv

freqkv runs on a terminal of its own in FOLDER (tests/data/answers), without the kept states of earlier runs. What
it writes is cut into screens, rich draws these, and a style sheet shows one after the other. POSIX only.
"""

import argparse
import io
import math
import os
import re
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pexpect
from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "recording.svg"
COLUMNS, ROWS = 100, 30
SCREENS = 24  # at most, evenly spread over the run
LONGEST = 15.0  # seconds that the picture plays; longer runs are played faster, and the title says so
HELD = 6.0  # seconds that the last screen stays
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+")
FRAME = "<style>{styles}</style>{backgrounds}<g class='{unique_id}-matrix'>{matrix}</g>"
PLAYER = """<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
text {{ font: {char_height}px/{line_height}px monospace; white-space: pre }}
.{unique_id}-title {{ font: bold 16px sans-serif }}
.screen {{ visibility: hidden; animation-iteration-count: infinite; animation-timing-function: step-end }}
.screen:last-of-type {{ visibility: visible }}
SHEET
@media (prefers-reduced-motion: reduce) {{ .screen {{ animation: none }} }}
</style>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})">
SCREENS
</g>
</svg>
"""
Screen = list[str]  # lines with their colours, as written to a terminal


def main(arguments: Sequence[str] | None = None) -> None:
    """Run freqkv and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", dest="picture", type=Path, default=PICTURE)
    parser.add_argument("-C", dest="folder", type=Path, default=ROOT / "tests" / "data" / "answers")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args(arguments)
    prompt = f"$ freqkv {shlex.join(options.command)}"
    shown = [(at, [prompt, *screen]) for at, screen in screens(record(options.command, options.folder))]
    options.picture.write_text(draw(spread(shown)), encoding="utf-8")
    print("\n".join(Text.from_ansi(line).plain for line in shown[-1][1]))


def record(command: Sequence[str], folder: Path) -> Iterator[tuple[float, str]]:
    """Yield what freqkv writes on a terminal, each piece with the seconds since the start. SystemExit if it fails."""
    variables = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "FREQKV_CACHE": "false"}
    arguments = ["-m", "freqkv_cli", *command]
    began = time.perf_counter()
    child = pexpect.spawn(
        sys.executable, arguments, cwd=folder, env=variables, dimensions=(ROWS, COLUMNS), encoding="utf-8", timeout=None
    )
    while True:
        try:
            yield time.perf_counter() - began, child.read_nonblocking(65536, timeout=None)
        except pexpect.EOF:
            break
    child.close()
    if child.exitstatus:
        sys.exit(f"freqkv ended with exit code {child.exitstatus}: nothing was recorded")


def screens(pieces: Iterator[tuple[float, str]]) -> list[tuple[float, Screen]]:
    """Return every screen that differs from the one before, with its time.

    Of a terminal's controls these are those that rich redraws its lines with: up, to the first column, erase the line.
    """
    lines, row, rest = [""], 0, ""
    found: list[tuple[float, Screen]] = []
    for at, piece in pieces:
        text = rest + piece
        rest = text[cut:] if (cut := text.rfind("\x1b")) >= 0 and not CONTROL.match(text, cut) else ""
        for control in CONTROL.findall(text[: len(text) - len(rest)]):
            if control == "\n":
                row += 1
                lines += [""] * (row == len(lines))
            elif control.endswith("A") and control.startswith("\x1b"):
                row = max(0, row - int(control[2:-1] or 1))
            elif control == "\x1b[2K":
                lines[row] = ""
            elif control.endswith("m") or not control.startswith(("\x1b", "\r")):
                lines[row] += control
        screen = lines[: 1 + max((number for number, line in enumerate(lines) if line), default=0)]
        if not found or found[-1][1] != screen:
            found.append((at, screen.copy()))
    return found


def spread(shown: Sequence[tuple[float, Screen]]) -> list[tuple[float, Screen]]:
    """Return at most SCREENS screens, evenly spread over the time, the last one among them."""
    end = shown[-1][0]
    places = (end * number / (SCREENS - 1) for number in range(SCREENS))
    chosen = dict.fromkeys(max(n for n, (at, _) in enumerate(shown) if at <= place or not n) for place in places)
    return [shown[number] for number in chosen]


def draw(shown: Sequence[tuple[float, Screen]]) -> str:
    """Return the picture that shows these screens at their times, over and over."""
    height = max(len(broken(screen)) for _, screen in shown)
    faster = max(1, math.ceil(shown[-1][0] / LONGEST))
    whole = shown[-1][0] / faster + HELD
    starts = [100 * at / faster / whole for at, _ in shown]
    sheet, frames = [], []
    for number, ((_, screen), start, end) in enumerate(zip(shown, starts, [*starts[1:], 100.0], strict=True)):
        begins = start if number else 0.0
        sheet.append(
            f"@keyframes s{number} {{ 0% {{ visibility: hidden }} {begins:.2f}% {{ visibility: visible }} "
            f"{end:.2f}% {{ visibility: hidden }} }}\n"
            f"#s{number} {{ animation-name: s{number}; animation-duration: {whole:.2f}s }}"
        )
        frames.append(f"<g class='screen' id='s{number}'>{exported(screen, height, FRAME, f't{number}')}</g>")
    title = "freqkv" if faster == 1 else f"freqkv, {faster} times as fast as it was"
    player = exported([], height, PLAYER, "t", title)
    return player.replace("SHEET", "\n".join(sheet)).replace("SCREENS", "\n".join(frames))


def exported(screen: Screen, height: int, form: str, name: str, title: str = "") -> str:
    """Return a screen as rich draws it in the form of a template; every name in it begins with `name`."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    lines = broken(screen)
    for line in [*lines, *[Text()] * (height - len(lines))]:
        console.print(line, no_wrap=True, overflow="ignore", crop=False)
    return re.sub(r' clip-path="[^"]*"', "", console.export_svg(title=title, code_format=form, unique_id=name))


def broken(screen: Screen) -> list[Text]:
    """Return the lines as a terminal shows them: broken where its last column is, the first ones scrolled away."""
    found: list[Text] = []
    for line in map(Text.from_ansi, screen):
        found += line.divide(range(COLUMNS, len(line.plain), COLUMNS)) if line.plain else [line]
    return found[-ROWS:]


if __name__ == "__main__":
    main()
