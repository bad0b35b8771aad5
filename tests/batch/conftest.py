"""What the tests of batches share."""

from tests.reading.conftest import _nothing_kept, _own_cache, reader, tiny  # noqa: F401
