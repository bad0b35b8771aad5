"""A tiny model that the tasks can load by its path, and documents for it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.models.tiny_gguf import write_tiny_gguf
from tests.tiny_folder import save_tiny_model


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of a random model of 2 layers with a window of 512 tokens; one token is about one byte."""
    return str(write_tiny_gguf(tmp_path_factory.mktemp("model") / "tiny.gguf"))


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FREQKV_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def _nothing_kept(_own_cache: None) -> Iterator[None]:
    """No test finds what another one has read, or how fast that was."""
    from freqkv_cli.models.store import cache_folder
    from freqkv_cli.states.state_cache import states_folder

    yield
    shutil.rmtree(states_folder(), ignore_errors=True)
    (cache_folder() / "speeds.json").unlink(missing_ok=True)


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A text of about 3,000 tokens of the tiny model, six times its window."""
    path = tmp_path / "book.txt"
    path.write_text("".join(f"Line {number} of a long story.\n" for number in range(100)), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def reader(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of a random model with a window of 4096 tokens, one a byte: room for some passages."""
    return save_tiny_model(tmp_path_factory.mktemp("reader"), window=4096)
