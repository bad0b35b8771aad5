"""Fetches the long documents of documents.jsonl from Debian: `python fetch.py [FOLDER]` (this folder without one).

They are free, but too long, or under a licence too unlike freqkv's, to be part of it. apt-get and dpkg are needed.
"""

import gzip
import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def long_documents() -> Iterator[dict[str, Any]]:
    """Yield the rows of documents.jsonl that name a Debian package, a member of it and the document's sha256."""
    for line in (HERE / "documents.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if "package" in row:
            yield row


def fetch(row: dict[str, Any], folder: Path) -> str:
    """Put the document into `folder` and say what was done. Raises CalledProcessError when Debian does not give it."""
    path = folder / row["file"]
    if not path.exists():
        with tempfile.TemporaryDirectory() as unpacked:
            subprocess.run(["apt-get", "download", row["package"]], cwd=unpacked, check=True, capture_output=True)
            (package,) = Path(unpacked).glob("*.deb")
            subprocess.run(["dpkg", "-x", package.name, "."], cwd=unpacked, check=True)
            content = (Path(unpacked) / row["member"]).read_bytes()
        path.write_bytes(gzip.decompress(content) if row["member"].endswith(".gz") else content)
    same = hashlib.sha256(path.read_bytes()).hexdigest() == row["sha256"]
    return f"{path}: " + ("ready" if same else f"another version than {row['version']}; some questions may not fit it")


if __name__ == "__main__":
    for document in long_documents():
        try:
            print(fetch(document, Path(sys.argv[1]) if len(sys.argv) > 1 else HERE))
        except (OSError, subprocess.CalledProcessError) as error:
            sys.exit(f"{document['package']} could not be fetched ({error}): run apt-get update, or do without it")
