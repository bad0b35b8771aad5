"""Recognition of scanned pages by tesseract, where it is installed."""

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from freqkv_cli.documents.clean import clean, join_hyphenated
from freqkv_cli.documents.reader import reason
from freqkv_cli.errors import UsageError

if TYPE_CHECKING:
    import pypdfium2

PROGRAM = "tesseract"
INSTALL = "apt-get install tesseract-ocr, brew install tesseract, or github.com/tesseract-ocr/tesseract"
DOTS_PER_INCH = 300  # tesseract's own advice
PIXEL_LIMIT = 40_000_000  # of one page: a larger one is drawn coarser
SECONDS_PER_PAGE = 300
NOT_A_LANGUAGE = "osd"  # orientation and script
POINTS_PER_INCH = 72


class Recogniser:
    """tesseract with all languages that are installed for it; raises UsageError where it is not there."""

    def __init__(self) -> None:
        self._path = shutil.which(PROGRAM)
        if self._path is None:
            raise UsageError(f"--ocr needs tesseract, which is not installed: {INSTALL}")
        listed = subprocess.run([self._path, "--list-langs"], capture_output=True, text=True, check=False).stdout
        languages = [line for line in listed.split("\n")[1:] if line and line != NOT_A_LANGUAGE]
        self._languages = "+".join(sorted(languages, key=lambda name: name != "eng"))

    def text_of(self, page: "pypdfium2.PdfPage") -> str:
        """Return the text of a page as it is recognised; raise ValueError where tesseract fails."""
        picture = page_picture(page)
        page.close()
        command = [str(self._path), "stdin", "stdout", "--dpi", str(DOTS_PER_INCH)]
        if self._languages:
            command += ["-l", self._languages]
        one_thread = {**os.environ, "OMP_THREAD_LIMIT": "1"}  # its threads wait for each other more than they work
        try:
            done = subprocess.run(
                command, input=picture, capture_output=True, timeout=SECONDS_PER_PAGE, env=one_thread, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ValueError(f"tesseract failed: {reason(error)}") from None
        if done.returncode:
            raise ValueError(f"tesseract failed: {done.stderr.decode(errors='replace').strip()[-100:]}")
        return clean(join_hyphenated(done.stdout.decode("utf-8", "replace"))).strip()


def page_picture(page: "pypdfium2.PdfPage") -> bytes:
    """Return a page drawn in grey, as a picture in the PGM format."""
    width, height = page.get_size()
    scale = DOTS_PER_INCH / POINTS_PER_INCH
    scale = min(scale, (PIXEL_LIMIT / max(1.0, width * height)) ** 0.5)
    bitmap = page.render(scale=scale, grayscale=True)
    data, stride = bytes(bitmap.buffer), bitmap.stride
    rows = (data[row * stride : row * stride + bitmap.width] for row in range(bitmap.height))
    picture = b"P5 %d %d 255\n" % (bitmap.width, bitmap.height) + b"".join(rows)
    bitmap.close()
    return picture
