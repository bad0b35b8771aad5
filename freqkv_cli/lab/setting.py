"""What figures were measured with: model, slots, documents, seed, versions."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from freqkv_cli.config import Settings
from freqkv_cli.documents.document import Document
from freqkv_cli.lab.bench_subject import Subject
from freqkv_cli.lab.environment import environment
from freqkv_cli.models.fingerprint import weights_print


def described(subject: Subject, settings: Settings, documents: Sequence[Document]) -> dict[str, Any]:
    """Return the part of a report that every measurement of a memory has in common."""
    measured = subject.as_json()
    measured["model"]["weights"] = weights_print(subject.loaded.source)
    return {
        "environment": environment(subject.loaded.device),
        **measured,
        "documents": [{"name": Path(document.name).name, "sha256": document.sha256} for document in documents],
        "seed": settings.seed,
    }
