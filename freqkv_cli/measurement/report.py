"""The report of a measurement of memories: what was measured with (model, slots, documents, seed, versions), and what
came of it.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from freqkv_cli.config import Settings
from freqkv_cli.documents.document import Document
from freqkv_cli.measurement.environment import environment
from freqkv_cli.measurement.subject import Subject
from freqkv_cli.models.fingerprint import weights_print


def memory_report(
    command: str,
    subject: Subject,
    settings: Settings,
    documents: Sequence[Document],
    found: dict[str, Any],
    *,
    began: float,
    reason: str = "stop",
) -> dict[str, Any]:
    """Return the JSON object of `freqkv evaluate COMMAND --json`: the setting, what was `found`, and the seconds since
    `began`, a time.perf_counter(). `reason` is `interrupted` after Ctrl-C.
    """
    measured = subject.as_json()
    measured["model"]["weights"] = weights_print(subject.loaded.source)
    return {
        "schema_version": 1,
        "command": f"evaluate {command}",
        "finish_reason": reason,
        "environment": environment(subject.loaded.device),
        **measured,
        "documents": [{"name": Path(document.name).name, "sha256": document.sha256} for document in documents],
        "seed": settings.seed,
        **found,
        "timing": {"total_s": round(time.perf_counter() - began, 3)},
    }
