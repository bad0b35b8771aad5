"""llama.cpp as a reader: its script with a played package; what is said when something is missing."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from freqkv_cli.benchmarks.llama_cpp import PIECE, LlamaCpp, find_node, find_package
from freqkv_cli.errors import FreqkvError, UsageError

# node-llama-cpp, played: the sequence counts tokens, and writes 7 for ever.
PLAYED = """
class Sequence {
    nextTokenIndex = 0;
    async clearHistory() { this.nextTokenIndex = 0; }
    async evaluateWithoutGeneratingNewTokens(tokens) {
        if (tokens.includes(100666)) throw new Error("no such token");
        if (tokens.includes(100999)) process.exit(3);
        this.nextTokenIndex += tokens.length;
    }
    async eraseContextTokenRanges([{start, end}]) { this.nextTokenIndex -= end - start; }
    async * evaluate(tokens) { this.nextTokenIndex += tokens.length; for (;;) { this.nextTokenIndex++; yield 7; } }
}
export const LlamaLogLevel = {error: "error"};
export const getLlama = async ({maxThreads}) => ({
    llamaCppRelease: {release: "b1"}, systemInfo: "CPU", dispose: async () => {},
    loadModel: async ({modelPath}) => ({createContext: async ({contextSize, batchSize, flashAttention}) => ({
        contextSize, batchSize, flashAttention, currentThreads: maxThreads, getSequence: () => new Sequence()
    })})
});
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if shutil.which("node") is None:
        pytest.skip("Node.js is not installed")
    folder = tmp_path / "node_modules" / "node-llama-cpp"
    (folder / "dist").mkdir(parents=True)
    (folder / "dist" / "index.js").write_text(PLAYED)
    (folder / "package.json").write_text('{"type": "module", "version": "9.9"}')
    monkeypatch.setenv("NODE_PATH", str(folder.parent))
    return folder


@pytest.fixture
def reader(package: Path) -> Iterator[LlamaCpp]:
    opened = LlamaCpp(Path("m.gguf"), context=8192, threads=2, slot_bytes=10)
    yield opened
    opened.close()


def test_it_reads_in_pieces_and_writes_without_a_trace(reader: LlamaCpp) -> None:
    reader.clear()
    assert [size for size, _ in reader.read(range(PIECE + 5))] == [PIECE, 5]
    assert reader.slots() == PIECE + 5
    writing = reader.write([1, 2, 3], 4)
    assert writing.tokens == 4
    assert writing.first_token >= 0
    assert [size for size, _ in reader.read([1])] == [1]
    assert reader.slots() == PIECE + 6
    assert reader.cache_bytes() == 81920
    reader.clear()
    assert reader.slots() == 0


def test_it_says_what_it_is(reader: LlamaCpp) -> None:
    expected = {"node_llama_cpp": "9.9", "llama_cpp": "b1", "threads": 2, "context": 8192, "flash_attention": True}
    assert expected.items() <= reader.settings.items()


def test_failures_are_one_line(reader: LlamaCpp) -> None:
    with pytest.raises(FreqkvError, match="no such token"):
        list(reader.read([100666]))
    with pytest.raises(FreqkvError, match=r"llama.cpp ended \(3\)"):
        list(reader.read([100999]))


def test_a_missing_package_names_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NODE_PATH", raising=False)
    with pytest.raises(UsageError, match="`npm install node-llama-cpp`"):
        find_package()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match=r"needs Node\.js"):
        find_node()


def test_the_package_is_found_below_the_current_folder(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NODE_PATH")
    monkeypatch.chdir(package.parents[1])
    assert find_package() == package
