"""A process that prepares a small stand-in of the default model; run by the tests, to be killed or to race.

python -m tests.models.preparing EVENTS [PAUSE_AT]: writes a line to the file EVENTS for each step, and sleeps for
a minute at the step PAUSE_AT. The download writes into the temporary folder that pip would use.
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
from freqkv_cli.models.aliases import ALIASES, WheelModel
from freqkv_cli.models.source import resolve_model

GGUF = b"GGUF" + bytes(1000)


def wheel_bytes() -> bytes:
    """A wheel that holds the stand-in."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(zipfile.ZipInfo(ALIASES["smollm2"].member), GGUF)
    return packed.getvalue()


def stand_in() -> WheelModel:
    """The default alias, pinned to the stand-in."""
    return replace(
        ALIASES["smollm2"],
        wheel_sha256=sha256(wheel_bytes()).hexdigest(),
        gguf_sha256=sha256(GGUF).hexdigest(),
        wheel_bytes=len(wheel_bytes()),
        gguf_bytes=len(GGUF),
        converted_bytes=1000,
    )


def write_converted(gguf: Path, folder: Path) -> None:
    """What a conversion leaves behind, as far as the store can tell."""
    (folder / "config.json").write_text('{"model_type": "llama"}')
    (folder / "model.safetensors").write_bytes(bytes(1000))


def main(events: Path, pause_at: str) -> None:
    def step(name: str) -> None:
        with events.open("a") as file:
            file.write(f"{name}\n")
        time.sleep(60 if name == pause_at else 0.1)

    def download(model: WheelModel, folder: Path, notify: object) -> Path:
        wheel = folder / "model.whl"
        wheel.write_bytes(wheel_bytes())
        step("downloaded")
        return wheel

    def convert(gguf: Path, folder: Path) -> None:
        write_converted(gguf, folder)
        step("converted")

    def notify(event: Event) -> None:
        if isinstance(event, Progress) and "waiting" in event.source:
            step("waiting")

    with (
        patch.dict(ALIASES, smollm2=stand_in()),
        patch("freqkv_cli.models.wheel.download_wheel", download),
        patch("freqkv_cli.models.conversion.convert_gguf", convert),
    ):
        resolve_model("smollm2", notify=notify)
        step("resolved")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "")
