"""Where the real documents are, if they are there, and passages by hand."""

from pathlib import Path

import pytest

from tests.reading.conftest import _nothing_kept, _own_cache, book, reader, tiny  # noqa: F401

DATA = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture
def data() -> Path:
    """The folder of real documents; the test is skipped without it."""
    if not DATA.is_dir():
        pytest.skip(f"no documents in {DATA}")
    return DATA
