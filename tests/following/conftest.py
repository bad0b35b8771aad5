"""What the tests of followed texts share."""

from tests.reading.conftest import _nothing_kept, _own_cache, reader, tiny  # noqa: F401
