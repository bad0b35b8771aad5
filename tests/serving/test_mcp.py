"""The tools as a client of the official SDK sees them. Skipped without the SDK: pip install "freqkv[mcp]"."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from freqkv_cli.config import Settings
from freqkv_cli.errors import InputError
from freqkv_cli.events import Progress

mcp = pytest.importorskip("mcp")
mcp_types = pytest.importorskip("mcp_types")


class PlayedDesk:
    """Answers without a model."""

    def __init__(self, roots: Sequence[Path]) -> None:
        self.roots = roots

    def ask(self, path: str, question: str, tell: Callable[[Progress], object]) -> dict[str, Any]:
        """Tell how it goes, and what was asked; `path` may be missing."""
        if path == "no.txt":
            raise InputError("no.txt does not exist")
        tell(Progress("reading", source=path, tokens_done=50, tokens_total=100))
        tell(Progress("reading", source=path, tokens_done=100, tokens_total=100))
        return {"text": f"{question} {path}", "roots": [str(root) for root in self.roots]}

    def passages(self, path: str, query: str, count: int, tell: object) -> list[dict[str, Any]]:
        """Return as many as are asked for."""
        return [{"text": query, "place": f"line {number}"} for number in range(count)]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The server with a played service."""
    from freqkv_cli.serving import mcp_server

    monkeypatch.setattr(mcp_server, "make_service", lambda settings, folders: PlayedDesk(folders))
    return mcp_server.make_server(Settings(), [Path("/books")])


def asked(server: Any, work: Callable[[Any], Awaitable[Any]], **client: Any) -> Any:
    """What a client gets."""

    async def run() -> Any:
        async with mcp.Client(server, **client) as connected:
            return await work(connected)

    return asyncio.run(run())


def test_there_are_four_tools(server: Any) -> None:
    tools = asked(server, lambda client: client.list_tools()).tools
    assert [tool.name for tool in tools] == ["read", "ask", "summarize", "passages"]
    assert set(tools[1].input_schema["properties"]) == {"path", "question"}
    assert all(tool.description for tool in tools)


def test_an_answer_comes_with_progress(server: Any) -> None:
    told: list[tuple[float, float | None, str | None]] = []

    async def tell(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, total, message))

    arguments = {"path": "a.txt", "question": "Who?"}
    result = asked(server, lambda client: client.call_tool("ask", arguments, progress_callback=tell))
    assert not result.is_error
    assert result.structured_content == {"text": "Who? a.txt", "roots": ["/books"]}
    assert told == [(50, 100, "reading a.txt"), (100, 100, "reading a.txt")]


def test_what_cannot_be_is_one_line(server: Any) -> None:
    result = asked(server, lambda client: client.call_tool("ask", {"path": "no.txt", "question": "Who?"}))
    assert result.is_error
    assert "no.txt does not exist" in result.content[0].text


def test_the_roots_of_a_client_are_kept_to(server: Any) -> None:
    async def roots(context: Any) -> Any:
        return mcp_types.ListRootsResult(roots=[mcp_types.Root(uri="file:///own%20books")])

    arguments = {"path": "a.txt", "question": "Who?"}
    result = asked(server, lambda client: client.call_tool("ask", arguments), list_roots_callback=roots)
    assert result.structured_content["roots"] == ["/own books"]


def test_over_stdio_a_process_finds_passages(reader: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The cook of the ship was called Ambrose Pell.\n")
    arguments = ["-m", "freqkv_cli", "mcp", str(tmp_path), "--model", reader, "--no-cache"]
    root = str(Path(__file__).parents[2])
    process = mcp.StdioServerParameters(command=sys.executable, args=arguments, env={"PYTHONPATH": root})
    wanted = {"path": "a.txt", "query": "cook", "count": 1}
    result = asked(process, lambda client: client.call_tool("passages", wanted))
    assert not result.is_error, result.content
    assert "Ambrose Pell" in result.content[0].text
