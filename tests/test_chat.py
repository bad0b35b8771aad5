"""A chat at a real terminal with a tiny random model: nothing is played but the model's sense."""

import json
import os
import re
import sys
from pathlib import Path

import pexpect
import pytest

from tests.tiny_folder import save_tiny_model

ROOT = Path(__file__).parents[1]
VOYAGE = (
    "The cook of the ship was called Ambrose Pell, and his sister was called Dora.\n\n"
    + "Nothing happened for many days on the sea between the islands.\n" * 20
    + "\nThe captain was called Silas Crane. His sister lived in Whitby.\n"
)
READY = r"\x1b\[\?2004h"


@pytest.fixture(scope="module")
def talkative(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of a random model that never ends an answer by itself."""
    folder = tmp_path_factory.mktemp("model")
    save_tiny_model(folder, window=4096)
    for name in ("config.json", "generation_config.json", "tokenizer_config.json"):
        path = folder / name
        table = json.loads(path.read_text())
        path.write_text(json.dumps({key: value for key, value in table.items() if not key.startswith("eos_token")}))
    return str(folder)


def test_ask_follow_up_interrupt_stats_reset_save_and_leave(talkative: str, tmp_path: Path) -> None:
    (tmp_path / "voyage.txt").write_text(VOYAGE)
    variables = {
        **{name: value for name, value in os.environ.items() if not name.startswith("FREQKV_")},
        "PYTHONPATH": str(ROOT),
        "FREQKV_CACHE_DIR": str(tmp_path / "cache"),
        "FREQKV_CONFIG": os.devnull,
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "TERM": "xterm-256color",
        "OMP_NUM_THREADS": "1",
    }
    child = pexpect.spawn(
        sys.executable,
        [
            "-m",
            "freqkv_cli",
            "chat",
            "voyage.txt",
            "-m",
            talkative,
            "--max-tokens",
            "300",
            "--cache-size",
            "4096",
            "--show-passages",
        ],
        env=variables,
        cwd=str(tmp_path),
        dimensions=(24, 80),
        encoding="utf-8",
        codec_errors="replace",
        timeout=30,
    )
    child.delaybeforesend = 0.2

    def type_in(line: str) -> None:
        child.expect(READY)
        child.sendline(line)

    type_in("What was the cook called?")
    child.expect("The cook of the ship was called Ambrose Pell")
    type_in("And his sister?")
    child.expect("answering")
    child.sendintr()
    child.expect("freqkv: interrupted")
    type_in("/stats")
    child.expect(r"read 1,\d\d\d tokens of voyage.txt")
    child.expect(r"4,096 slots used, \d+ compressions?, unchanged by the chat")
    unchanged = child.after
    child.expect(r"[0-2] turns? remembered")
    type_in("/reset")
    child.expect("forgotten; what was read is not")
    type_in("/passages")
    child.expect("nothing was asked yet")
    type_in("Who was the captain?")
    child.expect("The captain was called Silas Crane")
    type_in("/passages")
    child.expect("read again: ")
    type_in("/stats")
    child.expect(r"4,096 slots used, \d+ compressions?, unchanged by the chat")
    assert child.after == unchanged
    type_in("/save voyage.freqkv")
    child.expect("voyage.freqkv written")
    child.expect(READY)
    child.sendeof()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert not re.search("Traceback|freqkv: error", str(child.before))
    assert (tmp_path / "voyage.freqkv").stat().st_size > 100_000
