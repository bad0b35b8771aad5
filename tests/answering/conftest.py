"""What the tests of readings share."""

from tests.reading.conftest import _nothing_kept, _own_cache, book, reader, tiny  # noqa: F401
from tests.retrieval.conftest import data  # noqa: F401
